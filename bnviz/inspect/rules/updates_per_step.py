"""More than one update of the running statistics per optimizer step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding, Severity, number
from bnviz.inspect.rule import Rule, worst_first


@dataclass(frozen=True)
class Told:
    """What is said, by where the count comes from."""

    severity: Severity
    quantity: str
    cause: str
    cure: str


DIVIDE: Final = N_("Divide the momentum by the number of updates per step, or keep the extra passes from counting.")
PER_STEP: Final = N_("updates of the running statistics per optimizer step")
WATCHED: Final = Told(
    "warning",
    PER_STEP,
    N_(
        "Gradient accumulation, a second forward pass or checkpointing: momentum {momentum} acts as {effective} per step."
    ),
    DIVIDE,
)
RECOMPUTED: Final = Told(
    "warning",
    PER_STEP,
    N_("The backward pass runs the layer again (checkpointing): momentum {momentum} acts as {effective} per step."),
    DIVIDE,
)
REMEMBERED: Final = Told(
    "note",
    N_("updates of the running statistics per step that the optimizer remembers"),
    N_(
        "{updates} updates and {steps} steps: either a step counts for several batches (accumulation, a second forward pass), "
        "and momentum {momentum} acts as {effective}; or the layer was trained before this optimizer was made, and nothing "
        "is wrong."
    ),
    N_(
        "If the optimizer was there from the start, divide the momentum by the number of updates per step; bnviz.watch counts "
        "them while you train."
    ),
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where a step was seen to count for several, as with accumulation, a second forward pass or checkpointing.

    A note where only the optimizer's own count tells so: of layers that were trained before the optimizer was made it tells the
    same, whole numbers included, since trainings come in epochs.
    """
    if evidence.course is not None:
        rates, told = dict(_watched(evidence)), WATCHED
    elif evidence.recomputed:
        rates, told = dict(_recomputed(evidence)), RECOMPUTED
    else:
        rates, told = dict(_remembered(evidence)), REMEMBERED
    # In a plain average every batch weighs the same, however many there are in a step.
    weighted = [norm for norm in evidence.batch_norms if norm.momentum is not None]
    expected = {norm.name: max(_calls_per_pass(evidence, norm), 1) for norm in weighted if norm.name in rates}
    many = {name: rates[name] / need for name, need in expected.items() if rates[name] >= 2 * need}
    if not many:
        return
    layers, worst = worst_first(many.items())
    norm = next(norm for norm in weighted if norm.name == layers[0])
    alpha = norm.momentum or 0.0
    yield Finding(
        rule=RULE.name,
        severity=told.severity,
        layers=layers,
        quantity=Phrase(told.quantity),
        measured=worst,
        expected=1.0,
        relation="exactly",
        cause=Phrase(
            told.cause,
            {
                "momentum": f"{alpha:g}",
                "effective": f"{1 - (1 - min(alpha, 1.0)) ** worst:.3g}",
                "updates": norm.updates or 0,
                "steps": evidence.setup.steps.get(norm.name, 0),
            },
        ),
        cure=Phrase(told.cure),
        code=on_each(evidence, layers, f"norm.momentum = 1 - (1 - norm.momentum) ** (1 / {number(round(worst, 1))})"),
        link=links.link(
            "modes",
            topic="update_count",
            accumulation=int(min(max(round(worst), 1), 32)),
            momentum=links.momentum(norm.momentum),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="updated_twice",
    )


def _recomputed(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """From a backward pass on a copy, which called layers again."""
    for norm in evidence.batch_norms:
        if norm.training or not evidence.setup.training:
            yield norm.name, _calls_per_pass(evidence, norm) + evidence.recomputed.get(norm.name, 0)


def _remembered(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """From an optimizer that counts its steps (Adam does)."""
    for norm in evidence.batch_norms:
        steps = evidence.setup.steps.get(norm.name)
        if steps and norm.updates is not None and norm.tracks:
            yield norm.name, norm.updates / steps


def _watched(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """Median over the recorded intervals, so that a validation in train mode now and then does not count here."""
    course = evidence.course
    if course is None or len(course.step) < 2:
        return
    steps = np.diff(course.step)
    for place, norm in enumerate(evidence.norms):
        counted = np.diff(course.updates[:, place])[steps > 0]
        if norm.kind == "batch" and norm.updates is not None and counted.size and (course.updates[:, place] >= 0).all():
            yield norm.name, float(np.median(counted / steps[steps > 0]))


def _calls_per_pass(evidence: Evidence, norm: Norm) -> int:
    if evidence.course is not None:
        return math.ceil(float(evidence.course.per_pass[-1, evidence.place(norm)])) if len(evidence.course.step) else 1
    return max((call.number + 1 for call in evidence.calls.get(norm.name, ()) if call.batch == 0), default=1)


RULE = Rule("updates_per_step", priority=37, find=find)
