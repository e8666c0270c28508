"""The topic `momentum_error` of the lab `modes`: eval error against momentum, and recalibration."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.momentum_error import figures
from bnviz.labs.modes.momentum_error.experiment import run
from bnviz.labs.modes.momentum_error.result import Result
from bnviz.labs.modes.momentum_error.script import script
from bnviz.labs.modes.momentum_error.settings import Settings
from bnviz.labs.modes.shared.sources import EVAL_HIGH_ERROR, PYTORCH_BATCH_NORM, SWA_UPDATE_BN
from bnviz.plot.numbers import alike, latex, short
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import NOISY, SHOWS_NOT, words
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import right_option
from bnviz.teaching.sources import DIGITS

HELPS, ALIKE, HURTS, UNKNOWN = range(4)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The weight of the initial values, and the paired difference, with their numbers."""
    _ = translator(language)
    momentum, finding = result.settings.momentum, result.findings[0]
    left = float(result.left_over[result.chosen])
    if isinstance(momentum, str):
        start = _(
            "`momentum=None` is the plain average of all batches: the initial values weigh nothing after the first batch."
        )
    else:
        start = (
            _("Running mean and variance start at 0 and 1. After t batches these still weigh")
            + f"\n\n$$\n(1 - \\alpha)^t = (1 - {latex(momentum)})^{{{result.settings.steps}}} = {latex(left)}\n$$"
        )
    paragraphs = ["**" + _("What is left of the start") + "**", start, "**" + _("What recalibration gains") + "**"]
    if math.isfinite(finding.low):
        half = 50 * (finding.high - finding.low)
        paragraphs += [
            _(
                "Error in eval mode as trained, minus error after {passes} forward passes, seed by seed; mean over n = {count} seeds and "
                "95 % interval, in points:"
            ).format(passes=result.settings.passes, count=finding.pairs),
            f"$$\n\\bar d \\pm t\\,\\frac{{s}}{{\\sqrt n}} = {100 * finding.mean:.2f} \\pm {half:.2f}\n$$",
        ]
    else:
        paragraphs.append(_("There are fewer than three seeds with both numbers: no interval can be given."))
    paragraphs.append(
        _("Smallest difference that would matter, in points: {least}. Verdict: **{verdict}**.").format(
            least=short(100 * finding.smallest_effect), verdict=words(finding, _)
        )
    )
    return "\n\n".join(paragraphs)


def comparisons(result: Result) -> list[Comparison]:
    """Weight of the initial value, by momentum."""
    return [
        Comparison(
            Phrase(
                N_("weight of the initial value after {steps} batches, momentum {momentum}"),
                {
                    "steps": result.settings.steps,
                    "momentum": Phrase(N_("cumulative")) if isinstance(momentum, str) else short(momentum),
                },
            ),
            float(result.left_over_measured[index]),
            float(result.left_over[index]),
        )
        for index, momentum in enumerate(result.momentums)
    ]


def headline(result: Result) -> dict[str, float]:
    """Mean errors in % over seeds, by the names that the script prints."""
    errors = {
        f"error[{momentum}]": 100 * float(result.over.mean[index]) for index, momentum in enumerate(result.momentums)
    }
    return {**errors, "error_recalibrated": 100 * float(result.recalibrated_over.mean)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per momentum and seed."""
    shape = result.error.shape
    columns = {
        "momentum": np.array([str(momentum) for momentum in result.momentums])[:, None],
        "seed": np.arange(shape[1]) + result.settings.seed,
        "error": result.error,
        "error_recalibrated": result.recalibrated,
        "initial_weight": result.left_over[:, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def finding(result: Result, language: Language = "en") -> str:
    """The error with the chosen momentum and after recalibration, and whether that helps, for the run that is shown."""
    _ = translator(language)
    judged = result.findings[0]
    error, afresh = float(result.over.mean[result.chosen]), float(result.recalibrated_over.mean)
    if not (math.isfinite(error) and math.isfinite(afresh)):
        return _("The training diverged, so there is nothing to compare. Lower the learning rate.")
    momentum, told = result.settings.momentum, alike(100 * error, 100 * afresh)
    numbers = _(
        "With momentum {momentum}, after {steps} batches, {error} % of the test images are wrong in eval mode; after re-estimating the "
        "statistics, {afresh} %"
    ).format(
        momentum=_("cumulative") if isinstance(momentum, str) else short(momentum),
        steps=result.settings.steps,
        error=told[0],
        afresh=told[1],
    )
    if judged.verdict == NOISY:
        return numbers + _(": {verdict}.").format(verdict=words(judged, _))
    if judged.verdict == SHOWS_NOT:
        return numbers + _(": no relevant difference, so the momentum is not to blame.")
    if judged.mean > 0:
        return numbers + _(": the weights are better than eval mode said.")
    return numbers + _(": {passes} batches are too few to re-estimate them.").format(passes=result.settings.passes)


def outcome(result: Result) -> int:
    """The option that the verdict on recalibration, at the chosen momentum, makes right."""
    return right_option(result.findings[0], more=HELPS, less=HURTS, alike=ALIKE, unknown=UNKNOWN)


def the_valley_is_wide(result: Result) -> bool:
    """Whether the least momentum fails, the largest is noisy, and 0.03 to 0.3 are as good as recalibration, within two points."""
    error, afresh = result.over.mean, float(result.recalibrated_over.mean)
    at = {str(momentum): float(value) for momentum, value in zip(result.momentums, error, strict=True)}
    middle = max(at["0.03"], at["0.1"], at["0.3"])
    return at["0.001"] > 3 * afresh and at["1.0"] > 1.3 * middle and middle < afresh + 0.02


TOPIC: Final = InstantTopic(
    lab="modes",
    name="momentum_error",
    folder=Path(__file__).parent,
    title=N_("Momentum"),
    question=N_("My training run was short and the eval error is terrible. Is it the momentum?"),
    answer=N_(
        "Very small momentums leave the initial values in the running statistics, and eval mode fails; a momentum of 1 keeps only the "
        "last batch, and is noisy. The weights are the same for all: re-estimating the statistics tells which it is."
    ),
    finding=finding,
    findings=lambda result: result.findings,
    holds=the_valley_is_wide,
    settings=Settings,
    run=run,
    controls=("momentum", "passes", "steps", "batch_size", "seeds", "learning_rate"),
    more=("depth", "width", "seed"),
    pictures=(figures.momentum_curve, figures.momentum_passes, figures.momentum_paired),
    theory=(figures.momentum_left_over,),
    comparisons=comparisons,
    presets=(
        Preset(
            "pytorch_default",
            N_("PyTorch's 0.1"),
            N_("After 84 batches the initial values weigh 0.01 %. Is there anything left for recalibration to repair?"),
            {"momentum": 0.1},
        ),
        Preset(
            "momentum_0_001",
            N_("Momentum 0.001"),
            N_(
                "The initial values still weigh 92 %: eval mode fails, with weights that recalibration shows to be good."
            ),
            {"momentum": 0.001},
            lambda result: outcome(result) == HELPS and float(result.recalibrated_over.mean) < 0.15,
        ),
        Preset(
            "only_the_last_batch",
            N_("Only the last batch"),
            N_("Momentum 1: the running statistics are those of sixteen images. Averaging more batches gains points."),
            {"momentum": 1.0},
            lambda result: outcome(result) == HELPS,
        ),
        Preset(
            "four_epochs",
            N_("4 epochs"),
            N_(
                "After 336 steps the initial values weigh 3 % with momentum 0.01, and still 71 % with 0.001: how far does the valley "
                "reach now?"
            ),
            {"steps": 336},
        ),
        Preset(
            "recalibrate_once",
            N_("Recalibrate once"),
            N_("k = 1 gives the noise of a single batch. How many does it take until more do not help?"),
            {"passes": 1},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The weights stay as they are; only the running statistics are reset and re-estimated, over k batches. What happens to the "
            "error in eval mode, with the chosen momentum? Less than one point counts as alike."
        ),
        options=(
            N_("it falls"),
            N_("no relevant difference"),
            N_("it rises"),
            N_("too noisy to tell with this many seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "Judged by the 95 % interval of the paired difference over seeds. The momentum plays no part in "
            "training: train mode normalizes with the batch. It only decides what eval mode finds in the running "
            "statistics."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        EVAL_HIGH_ERROR,
        SWA_UPDATE_BN,
        Source(
            N_("Why the average of many batches is better than a running average while the weights stand still"),
            "Wu & Johnson 2021, arXiv:2105.07576",
            "https://arxiv.org/abs/2105.07576",
        ),
        PYTORCH_BATCH_NORM,
        DIGITS,
    ),
)
