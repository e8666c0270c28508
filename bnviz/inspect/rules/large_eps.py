"""ε that is not small beside the variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

SHARE = 0.1  # the output's variance is then at most 1/1.1 = 91 % of what normalization promises


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where it is so for the typical channel, a note where for a tenth of the channels."""
    ratios: dict[str, float] = {}
    severe = False
    worst_eps = 1e-5
    for norm in evidence.norms:
        call = evidence.first(norm)
        if call is None or (norm.kind in {"instance", "group", "layer"} and call.n < 1):
            continue
        live = call.var > 0
        if not live.any() or norm.eps <= 0:
            continue
        share = norm.eps / call.var[live]
        if np.mean(share >= SHARE) < SHARE:
            continue
        ratios[norm.name] = float(np.median(share)) if np.median(share) >= SHARE else float(np.quantile(share, 0.95))
        severe |= bool(np.median(share) >= SHARE)
        if ratios[norm.name] == max(ratios.values()):
            worst_eps = norm.eps
    if not ratios:
        return
    layers, worst = worst_first(ratios.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if severe else "note",
        layers=layers,
        quantity=Phrase(N_("ε over the variance of the layer's input")),
        measured=worst,
        expected=SHARE,
        cause=Phrase(
            N_("ε = {eps} is no longer small beside the variance: the outputs come out too small."),
            {"eps": f"{worst_eps:g}"},
        ),
        cure=Phrase(N_("Take a smaller ε, or scale the inputs of the layer up.")),
        code="module.eps = 1e-5",
        link=links.link("layer", eps=links.eps(worst_eps)),
        case=None,
    )


RULE = Rule("large_eps", priority=44, find=find, explained_by=frozenset({"constant_channels", "eps_changed"}))
