"""Batch norm in eval mode while its γ and β are trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning in a model in train mode, and in a watched training whose optimizer steps while the layer is in eval mode."""
    suspects = [
        norm.name
        for norm in evidence.batch_norms
        if evidence.setup.training and not norm.training and any(norm.trainable) and norm.estimates is not None
    ]
    if suspects:
        yield _finding(evidence, tuple(suspects), float(len(suspects)), None)
        return
    course = evidence.course
    if course is None or not len(course.step):
        return
    wrong = ~course.training
    layers = tuple(
        norm.name
        for place, norm in enumerate(evidence.norms)
        if norm.kind == "batch" and norm.estimates is not None and any(norm.trainable) and wrong[:, place].any()
    )
    if layers:
        places = [place for place, norm in enumerate(evidence.norms) if norm.name in layers]
        rows = np.flatnonzero(wrong[:, places].any(axis=1))
        steps = (int(course.step[rows[0]]), int(course.step[rows[-1]]))
        yield _finding(evidence, layers, float(len(layers)), steps)


def _finding(evidence: Evidence, layers: tuple[str, ...], count: float, steps: tuple[int, int] | None) -> Finding:
    return Finding(
        rule=RULE.name,
        severity="error" if any(norm.fresh for norm in evidence.batch_norms if norm.name in layers) else "warning",
        layers=layers,
        quantity=Phrase(N_("batch norms in eval mode whose γ and β get gradients")),
        measured=count,
        expected=0.0,
        cause=Phrase(
            N_(
                "γ and β are trained against statistics that stand still: half frozen, or train() was not called "
                "again after a validation."
            )
        ),
        cure=Phrase(
            N_("Call model.train() before the next training step; to freeze a layer, freeze its parameters too.")
        ),
        code="model.train()\n# or freeze for good:\nlayer.eval().requires_grad_(False)",
        link=links.link("modes", topic="freeze_matrix", batch_size=links.batch_size(evidence.batch_size or 32)),
        case="not_frozen",
        steps=steps,
    )


RULE = Rule("eval_while_training", priority=32, find=find)
