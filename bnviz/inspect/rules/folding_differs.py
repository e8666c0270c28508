"""Convolution and batch norm as one layer do not give what the two give."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

# Rounding of a sum of k products strays by about √k·u of its size; 1e-3 leaves room for k up to 10⁸ in float32. Layers in half
# precision round more than that at every number: `Folding.rounding`.
LARGEST = 1e-3
HALF = 65504.0


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the folded layer differs, or where its weights leave half precision's range."""
    errors = {part.norm: part.error for part in evidence.foldings if not part.error <= max(LARGEST, part.rounding)}
    weights = {part.norm: part.largest_weight for part in evidence.foldings if part.largest_weight >= HALF}
    if not errors and not weights:
        return
    layers, worst = worst_first((errors or weights).items())
    eps = next(norm.eps for norm in evidence.norms if norm.name == layers[0])
    rounding = max(part.rounding for part in evidence.foldings if part.norm == layers[0])
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(
            N_("largest difference of the folded layer's outputs, in their standard deviations")
            if errors
            else N_("largest weight of the folded layer")
        ),
        measured=worst,
        expected=max(LARGEST, rounding) if errors else HALF,
        cause=Phrase(
            N_(
                "Folding multiplies the weights by γ/√(running variance + ε): where that variance is close to zero, or small beside "
                "the mean, digits or range are lost."
            )
        ),
        cure=Phrase(
            N_("Centre what comes in, refill the statistics, prune constant channels, or export without folding.")
        ),
        code=UPDATE_BN,
        link=links.link("folding", eps=links.eps(eps)),
        case=None,
    )


RULE = Rule(
    "folding_differs",
    priority=51,
    find=find,
    explained_by=frozenset({"invalid_statistics"}),
    seen_by=frozenset({"check"}),
)
