"""Batch norm in eval mode while its γ and β are trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import running_gap
from bnviz.inspect.outcome import outcome
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning in a model in train mode, and where the optimizer stepped while the layer was in eval mode.

    A watched training shows that; else an optimizer that counts its steps, where the statistics missed some and it shows.
    """
    suspects = [
        norm.name
        for norm in evidence.batch_norms
        if evidence.setup.training and not norm.training and any(norm.trainable) and norm.estimates is not None
    ]
    if suspects:
        yield _finding(evidence, tuple(suspects), float(len(suspects)), None)
        return
    course = evidence.course
    if course is None:
        yield from _missed(evidence)
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


def _missed(evidence: Evidence) -> Iterator[Finding]:
    """From counters: the optimizer took more steps than the statistics took updates, and the statistics are not those of the batches.

    Counters alone do not tell: statistics that were counted again, or loaded with their weights, have few updates and are right.
    """
    result = outcome(evidence.refill) if evidence.refill is not None and evidence.refill.is_loss else None
    candidates = [norm for norm in evidence.batch_norms if norm.estimates is not None]
    # Of a layer without any update, buffers that got lost are as likely, unless the weights have learned with 0 and 1.
    missed = [norm for norm in candidates if _behind(evidence, norm) and (norm.updates or result == "worse")]
    gaps = {norm.name: running_gap(norm, evidence.calls.get(norm.name, ()), len(candidates)) for norm in missed}
    far = {name: gap.rms if gap is not None and gap.significant else 0.0 for name, gap in gaps.items()}
    if result == "better" or not any(gap >= MATTERS for gap in far.values()):
        return
    layers, _ = worst_first(far.items())
    worst = next(norm for norm in missed if norm.name == layers[0])
    told = {"updates": worst.updates or 0, "steps": evidence.setup.steps[worst.name]}
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(N_("updates of the running statistics in {steps} optimizer steps"), told),
        measured=float(told["updates"]),
        expected=float(told["steps"]),
        relation="at least",
        cause=Phrase(
            N_(
                "The optimizer took {steps} steps and the statistics {updates} updates: in the others the layer was in eval "
                "mode, as when train() is not called again after an evaluation (or the statistics are an earlier checkpoint's)."
            ),
            told,
        ),
        cure=Phrase(
            N_(
                "Call model.train() before every training step and train on. Do not refill first: the weights may have learned "
                "with these statistics (recalibrate=loader tells)."
            )
        ),
        code="model.train()",
        link=_link(evidence),
        case="not_frozen",
    )


def _behind(evidence: Evidence, norm: Norm) -> bool:
    """Whether the layer's statistics have fewer updates than it has steps; frozen layers have none."""
    steps = evidence.setup.steps.get(norm.name, 0) if any(norm.trainable) or not norm.trainable else 0
    return norm.tracks and norm.updates is not None and norm.updates < steps


def _link(evidence: Evidence) -> str:
    return links.link("modes", topic="freeze_matrix", batch_size=links.batch_size(evidence.batch_size or 32))


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
        code="model.train()\n# or freeze for good, after every model.train():\n"
        + on_each(evidence, layers, "norm.eval().requires_grad_(False)"),
        link=_link(evidence),
        case="not_frozen",
        steps=steps,
    )


RULE = Rule("eval_while_training", priority=32, find=find)
