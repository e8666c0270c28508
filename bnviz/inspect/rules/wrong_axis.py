"""A norm that takes positions, time steps or pixels for channels."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the layer that made the input keeps its channels on another axis than the norm."""
    wrong: dict[str, float] = {}
    told = expected = 0
    for norm in evidence.norms:
        around = evidence.surroundings.get(norm.name)
        if around is None or around.axis is None or len(around.shape) < 3:
            continue
        axis = around.axis
        taken = _normalized_over(norm, len(around.shape), axis)
        if taken is not None:
            wrong[norm.name] = float(taken)
            if len(wrong) == 1:
                told, expected = taken, axis
    if not wrong:
        return
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=tuple(wrong),
        quantity=Phrase(N_("axis that the norm takes for the channels")),
        measured=float(told),
        expected=float(expected),
        relation="exactly",
        cause=Phrase(
            N_(
                "The layer before it keeps its channels on axis {axis}; batch, group and instance norm want them on "
                "axis 1, layer norm on the last."
            ),
            {"axis": expected},
        ),
        cure=Phrase(N_("Move the axis before the norm and back after it.")),
        code=_code(evidence, next(iter(wrong)), expected),
        link=links.link("convolution"),
        case=None,
    )


def _code(evidence: Evidence, name: str, axis: int) -> str:
    """The norm for so many channels, and the way there and back around it."""
    norm = next(norm for norm in evidence.norms if norm.name == name)
    channels, wanted = evidence.surroundings[name].shape[axis], -1 if norm.kind == "layer" else 1
    size = f"{norm.groups}, {channels}" if norm.kind == "group" else str(channels)
    return (
        f"norm = torch.nn.{norm.type_name}({size})  # in place of {name}\n"
        f"x = norm(x.movedim({axis}, {wanted})).movedim({wanted}, {axis})"
    )


def _normalized_over(norm: Norm, dimensions: int, axis: int) -> int | None:
    """The axis that the norm takes for the channels, where it is another than `axis`."""
    if norm.kind == "layer":
        # One that covers the channel axis, alone or with what comes after it, normalizes over channels.
        return dimensions - 1 if norm.dimensions < dimensions - axis else None
    return 1 if axis != 1 else None


RULE = Rule("wrong_axis", priority=41, find=find, seen_by=frozenset({"check"}))
