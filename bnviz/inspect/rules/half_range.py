"""Numbers that half precision cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

LARGEST = 65504.0  # of float16; bfloat16 has float32's range


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error where the layer runs in float16, a note in float32: it would overflow under float16 autocast."""
    values: dict[str, float] = {}
    half = False
    for norm in evidence.norms:
        calls = evidence.calls.get(norm.name, ())
        largest = max((call.largest for call in calls), default=0.0)
        if norm.dtype == "float16":
            # An export or a layer kept in half precision stores the variance in it too.
            largest = max(largest, *(float(call.unbiased.max()) for call in calls), 0.0) if calls else largest
        if largest >= LARGEST and norm.dtype != "bfloat16":
            values[norm.name] = largest
            half |= norm.dtype == "float16"
    if not values:
        return
    layers, worst = worst_first(values.items())
    yield Finding(
        rule=RULE.name,
        severity="error" if half else "note",
        layers=layers,
        quantity=Phrase(N_("largest |x| (in float16 also the variance) at the layer")),
        measured=worst,
        expected=LARGEST,
        cause=Phrase(
            N_("float16 ends at 65504; beyond it everything is infinite, and one infinity spoils a channel for good.")
        ),
        cure=Phrase(N_("Use bfloat16, keep the norm layers in float32, or scale the inputs down.")),
        code=("model.float()\n" if half else "")
        + "with torch.autocast(next(model.parameters()).device.type, dtype=torch.bfloat16):\n"
        "    for batch, *_ in loader:\n        model(batch)",
        link=links.link("modes", topic="poison", poison="large"),
        case="poisoned",
    )


RULE = Rule("half_range", priority=9, find=find)
