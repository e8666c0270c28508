"""More than one update of the running statistics per optimizer step."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where a step counts for several, as with accumulation, a second forward pass or checkpointing."""
    rates = dict(_watched(evidence) if evidence.course is not None else _remembered(evidence))
    # In a plain average every batch weighs the same, however many there are in a step.
    weighted = [norm for norm in evidence.batch_norms if norm.momentum is not None]
    expected = {norm.name: max(_calls_per_pass(evidence, norm), 1) for norm in weighted if norm.name in rates}
    # A counter is a count, but updates before the optimizer existed (a warm-up, an earlier run) may come on top.
    many = {name: rates[name] / need for name, need in expected.items() if rates[name] >= 2 * need}
    if not many:
        return
    layers, worst = worst_first(many.items())
    norm = next(norm for norm in weighted if norm.name == layers[0])
    alpha = norm.momentum or 0.0
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(N_("updates of the running statistics per optimizer step")),
        measured=worst,
        expected=1.0,
        relation="exactly",
        cause=Phrase(
            N_(
                "Gradient accumulation, a second forward pass or checkpointing: momentum {momentum} acts as {effective} per step."
            ),
            {"momentum": f"{alpha:g}", "effective": f"{1 - (1 - min(alpha, 1.0)) ** worst:.3g}"},
        ),
        cure=Phrase(
            N_("Divide the momentum by the number of updates per step, or keep the extra passes from counting.")
        ),
        code="for module in model.modules():\n    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):\n"
        f"        module.momentum = 1 - (1 - module.momentum) ** (1 / {worst:.0f})",
        link=links.link(
            "modes",
            topic="update_count",
            accumulation=int(min(max(round(worst), 1), 32)),
            momentum=links.momentum(norm.momentum),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="updated_twice",
    )


def _remembered(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """From an optimizer that counts its steps (Adam does)."""
    steps = evidence.setup.optimizer_steps
    for norm in evidence.batch_norms:
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
