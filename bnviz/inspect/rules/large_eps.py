"""ε that is not small beside the variance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import SHARE, Share, eps_share


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where ε outweighs the typical channel's variance, a note from a tenth on (of a tenth of the channels at least).

    Where weight decay has shrunk the variance it is said so; where γ and β decay as well, `weight_decay` says it.
    """
    shares = {norm.name: share for norm in evidence.norms if (share := eps_share(evidence, norm)) is not None}
    plain = {name: share for name, share in shares.items() if not share.by_decay}
    decayed = {} if evidence.setup.decay else {name: share for name, share in shares.items() if share.by_decay}
    if plain:
        yield _finding(evidence, plain, by_decay=False)
    if decayed:
        yield _finding(evidence, decayed, by_decay=True)


def _finding(evidence: Evidence, shares: Mapping[str, Share], *, by_decay: bool) -> Finding:
    layers, worst = worst_first((name, share.value) for name, share in shares.items())
    eps = next(norm.eps for norm in evidence.norms if norm.name == layers[0])
    return Finding(
        rule=RULE.name,
        severity="warning" if any(share.severe for share in shares.values()) else "note",
        layers=layers,
        quantity=Phrase(N_("ε over the variance of the layer's input")),
        measured=worst,
        expected=SHARE,
        cause=Phrase(
            N_(
                "Weight decay has shrunk the weights before the layer, which batch norm hides: ε = {eps} is no "
                "longer small beside the variance."
            )
            if by_decay
            else N_("ε = {eps} is no longer small beside the variance: the outputs come out too small."),
            {"eps": f"{eps:g}"},
        ),
        cure=Phrase(
            N_("Decay the weights before the layer less; a smaller ε only puts it off.")
            if by_decay
            else N_("Take a smaller ε, or scale the inputs of the layer up.")
        ),
        code="for group in optimizer.param_groups:\n    group['weight_decay'] /= 10"
        if by_decay
        else on_each(evidence, layers, f"norm.eps = {_small(eps / worst):g}"),
        link=links.link("layer", eps=links.eps(eps)),
        case=None,
    )


def _small(variance: float) -> float:
    """A power of ten below a hundredth of `variance`, and PyTorch's default where that will do."""
    return min(10.0 ** math.floor(math.log10(variance * SHARE**2)), 1e-5)


RULE = Rule("large_eps", priority=44, find=find, explained_by=frozenset({"constant_channels", "eps_changed"}))
