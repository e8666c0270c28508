"""Optimizer steps without an update of the running statistics."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning: the layer is used in eval mode, not at all, or by a function that does not count."""
    course = evidence.course
    if course is not None and len(course.step) > 1:
        steps = int(course.step[-1] - course.step[0])
        still = [
            norm.name
            for place, norm in enumerate(evidence.norms)
            if norm.kind == "batch"
            and norm.updates is not None
            and course.updates[-1, place] == course.updates[0, place]
            and any(norm.trainable)
            and course.training[:, place].all()
        ]
    else:
        steps = evidence.setup.optimizer_steps or 0
        still = [
            norm.name
            for norm in evidence.batch_norms
            if norm.updates == 0 and norm.moved and not norm.fresh and norm.tracks
        ]
    if not still or steps < 1:
        return
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=tuple(still),
        quantity=Phrase(N_("updates of the running statistics in {steps} optimizer steps"), {"steps": steps}),
        measured=0.0,
        expected=float(steps),
        relation="at least",
        cause=Phrase(
            N_(
                "The layer is trained and never updates its statistics: it is skipped, in eval mode during the "
                "passes, or frozen by hand."
            )
        ),
        cure=Phrase(N_("Call model.train() for the training passes, and leave out layers that are not used.")),
        code="model.train()",
        link=links.link("modes", topic="freeze_matrix"),
        case="not_frozen",
    )


RULE = Rule(
    "counter_stands_still", priority=30, find=find, explained_by=frozenset({"eval_while_training", "never_updated"})
)
