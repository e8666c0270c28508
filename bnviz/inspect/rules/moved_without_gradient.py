"""Statistics that move in passes without a gradient: a forgotten eval(), or a validation in train mode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

SEVERAL = 2  # times the usual number of updates between two optimizer steps


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where passes under no_grad were seen in train mode, or where updates pile up between two optimizer steps."""
    course = evidence.course
    if course is None or len(course.step) < 2:
        return
    steps = np.diff(course.step)
    seen: dict[str, float] = {}
    for place, norm in enumerate(evidence.norms):
        if norm.kind != "batch" or norm.updates is None:
            continue
        usual = (
            max(float(np.median(np.diff(course.updates[:, place])[steps > 0] / steps[steps > 0])), 1.0)
            if (steps > 0).any()
            else 1.0
        )
        without = int(course.calls_without[:, place].max())
        if without > 0:
            seen[norm.name] = float(without)
        elif course.most_updates[-1, place] > SEVERAL * usual:
            seen[norm.name] = float(course.most_updates[-1, place] - usual)
    if not seen:
        return
    layers, worst = worst_first(seen.items())
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(N_("updates between two optimizer steps that belong to no training pass")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_("Validation, a teacher or a metric runs the model in train mode: its data enter the running statistics.")
        ),
        cure=Phrase(N_("Call model.eval() before such passes and model.train() after them.")),
        code="model.eval()\nwith torch.no_grad():\n    validate(model)\nmodel.train()",
        link=links.link("modes", topic="update_count", batch_size=links.batch_size(evidence.batch_size or 32)),
        case="updated_twice",
    )


RULE = Rule("moved_without_gradient", priority=35, find=find, seen_by=frozenset({"watch"}))
