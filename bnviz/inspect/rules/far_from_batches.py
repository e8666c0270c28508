"""Running statistics that are not those of the batches at hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import COUNT_AGAIN, UPDATE_BN
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import QUANTITY, TIMES, beginning, changes_decisions, one_batch_by_chance, running_gap
from bnviz.inspect.outcome import outcome
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS, normal_quantile, shared_out

MIN_BATCHES: Final = 3  # batches that tell where a training ended
LATE: Final = 0.75  # of the steps; what was read before does not tell how it ended

CAUSE: Final = Phrase(
    N_(
        "The running statistics belong to other weights or other data than these batches: they lag behind weights that still move "
        "(small momentum, large learning rate), or the buffers are stale, the domain is another, updates did not happen."
    )
)
COMPARE: Final = Phrase(
    N_("Refill the statistics on a copy and compare (recalibrate=loader); keep them if the evaluation gains.")
)
REFILL: Final = Phrase(
    N_("Refill the statistics with the weights as they are now, or train with a momentum, which forgets.")
)
CATCH_UP: Final = Phrase(
    N_(
        "Let the learning rate fall towards the end, refill the statistics after the training, or take a larger momentum."
    )
)
UNSEEN: Final = N_(
    "{cause} The model's outputs differ between train and eval mode by no more than twice what batch-mates explain."
)
KEEP: Final = Phrase(N_("Keep the refilled statistics."))
LEARNED: Final = Phrase(
    N_(
        "The running statistics are not those of these batches, and re-estimating them makes the evaluation worse: "
        "the weights have learned with them, as where training goes on in eval mode."
    )
)
TRAIN: Final = Phrase(
    N_("Call model.train() before every training step and train on; until then keep the statistics as they are.")
)
LEAVE: Final = Phrase(N_("Leave them as they are: re-estimated, they change nothing that matters."))
CHECK: Final = "report = bnviz.check(model, loader, loss=loss, recalibrate=loader)\n"
SET: Final = (
    "\n# or, before the training:\nfor module in model.modules():\n"
    "    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):\n        module.momentum = 0.1"
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning from half a standard deviation of the output on (beyond what chance explains), an error from a whole one."""
    candidates = [norm for norm in evidence.batch_norms if norm.estimates is not None and not norm.fresh]
    gaps = {norm.name: gap for norm in candidates if (gap := _gap(evidence, norm, len(candidates))) >= MATTERS}
    if not gaps:
        return
    layers, worst = worst_first(gaps.items())
    norm = next(norm for norm in candidates if norm.name == layers[0])
    finding = _tried(_finding(evidence, norm, layers, worst), evidence)
    yield (
        replace(finding, severity="note", cause=Phrase(UNSEEN, {"cause": finding.cause}))
        if _unseen(evidence)
        else finding
    )


def _tried(finding: Finding, evidence: Evidence) -> Finding:
    """The finding with what the experiment said, where there was one."""
    result = outcome(evidence.refill) if evidence.refill is not None and evidence.refill.is_loss else None
    if result == "better" and finding.cure is COMPARE:
        return replace(finding, cure=KEEP, code=COUNT_AGAIN)
    if result == "worse":
        return replace(finding, severity="warning", cause=LEARNED, cure=TRAIN, code="model.train()")
    return replace(finding, severity="note", cure=LEAVE, code="") if result == "same" else finding


def _unseen(evidence: Evidence) -> bool:
    """Whether the model's outputs were compared and do not show it."""
    outputs = evidence.outputs
    if outputs is None or outputs.noise is None or changes_decisions(outputs):
        return False
    return outputs.train_eval <= TIMES * outputs.noise


def _gap(evidence: Evidence, norm: Norm, layers: int) -> float:
    """Of the layer, one of so many, in standard deviations of its output, less chance; 0 where chance or the beginning explains it."""
    late = _late(evidence, norm)
    if late is not None:
        return late
    gap = running_gap(norm, evidence.calls.get(norm.name, ()), layers)
    return gap.rms if gap is not None and gap.significant and not beginning(evidence, norm) else 0.0


def _late(evidence: Evidence, norm: Norm) -> float | None:
    """The same at the end of a watched training, as the buffers tell of its last batches; None where they do not."""
    course, call = evidence.course, evidence.first(norm)
    if course is None or call is None or call.n < 2 or not len(course.step):
        return None
    latest = replace(norm, updates=evidence.final_updates(norm))
    gaps, last = course.gap[:, evidence.place(norm)], int(course.step[-1])
    # Statistics remember about 1/α batches, and half of that is soon enough to see a gap grow. Where these were not read, the last
    # few that were will do, if they are late enough.
    recent = np.flatnonzero(np.isfinite(gaps) & (course.step > last - 1 / (2 * (norm.momentum or 1))))
    late = np.flatnonzero(np.isfinite(gaps) & (course.step >= LATE * last))
    rows = recent if len(recent) >= MIN_BATCHES else late[-MIN_BATCHES:]
    if len(rows) < MIN_BATCHES:
        return None
    squared, chance = float(np.median(gaps[rows] ** 2)), one_batch_by_chance(latest, call)
    # A median of so many squares strays by about √(π/count).
    strays = 1 + normal_quantile(shared_out(len(evidence.norms))) * math.sqrt(math.pi / len(rows))
    far = squared > strays * chance and not beginning(evidence, latest)
    return math.sqrt(max(squared - chance, 0.0)) if far else 0.0


def _finding(evidence: Evidence, norm: Norm, layers: tuple[str, ...], worst: float) -> Finding:
    """About the worst of the `layers`, `norm`."""
    remembers, watched = norm.momentum is None, evidence.course is not None
    return Finding(
        rule=RULE.name,
        severity="error" if worst >= 1 else "warning",
        layers=layers,
        quantity=QUANTITY,
        measured=worst,
        expected=MATTERS,
        cause=_remembering(evidence, norm) if remembers else _lagging(norm) if watched else CAUSE,
        cure=REFILL if remembers else CATCH_UP if watched else COMPARE,
        code=("" if remembers or watched else CHECK) + UPDATE_BN + (SET if remembers else ""),
        link=links.link(
            "modes",
            topic="gap",
            momentum=links.momentum(norm.momentum),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="eval_differs",
    )


def _lagging(norm: Norm) -> Phrase:
    """Why statistics that are updated at each step are off: the weights have moved on."""
    alpha = norm.momentum or 0.0
    return Phrase(
        N_(
            "The running statistics average over the last {batches} batches or so (momentum {momentum}), in which the weights moved "
            "further than that: they lag behind. A mixture of unlike batches looks the same."
        ),
        {"batches": f"{1 / alpha:.0f}" if alpha > 0 else "∞", "momentum": f"{alpha:g}"},
    )


def _remembering(evidence: Evidence, norm: Norm) -> Phrase:
    """Why a plain average is off although nothing went wrong: it forgets nothing, and the network has moved on."""
    return Phrase(
        N_(
            "momentum=None averages all {updates} batches since the beginning alike, those of the untrained network "
            "included: the average lags behind the weights (or these batches are of another kind)."
        ),
        {"updates": evidence.final_updates(norm) or 0},
    )


RULE = Rule(
    "far_from_batches",
    priority=62,
    find=find,
    explained_by=frozenset(
        {
            "averaged_weights",
            "batch_too_small",
            "cancellation",
            "constant_channels",
            "dead_channels",
            "eval_while_training",
            "invalid_statistics",
            "momentum_large",
            "momentum_zero",
            "not_finite",
            "started_recently",
            "two_populations",
            "untracked_buffers",
        }
    ),
)
