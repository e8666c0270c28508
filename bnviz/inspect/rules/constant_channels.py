"""Channels that do not vary over the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.theory.folding import UNIT_ROUNDOFF

HALF = 0.5


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half the channels of a layer are constant, else a note: normalizing them gives β, or amplified rounding."""
    shares: dict[str, float] = {}
    for norm in evidence.batch_norms:
        calls = [call for call in evidence.calls.get(norm.name, ()) if call.n > 1 and not call.nonfinite]
        if calls:
            rounding = 4 * UNIT_ROUNDOFF["float32"]
            constant = np.all([np.sqrt(call.var) <= rounding * np.abs(call.mean) for call in calls], axis=0)
            if constant.any():
                shares[norm.name] = float(constant.mean())
    if not shares:
        return
    layers, worst = worst_first(shares.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if worst >= HALF else "note",
        layers=layers,
        quantity=Phrase(N_("share of channels without any spread over the batch")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_(
                "The layer in front gives the same value for every sample: zero weights, dead units before it, "
                "or a constant input."
            )
        ),
        cure=Phrase(N_("Find where the signal ends: inputs, initialization, dead units.")),
        code="print([(name, float(p.detach().abs().max())) for name, p in model.named_parameters()])",
        link=links.link("layer", eps=links.eps(1e-5)),
        case=None,
    )


RULE = Rule("constant_channels", priority=39, find=find, spreads=True)
