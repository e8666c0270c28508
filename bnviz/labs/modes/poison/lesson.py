"""The topic `poison` of the lab `modes`: one bad batch, what it leaves, and what cures it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.poison import figures
from bnviz.labs.modes.poison.experiment import run
from bnviz.labs.modes.poison.figures import value_name, word
from bnviz.labs.modes.poison.result import Result
from bnviz.labs.modes.poison.script import script
from bnviz.labs.modes.poison.settings import Settings
from bnviz.labs.modes.shared.sources import PYTORCH_BATCH_NORM, SWA_UPDATE_BN
from bnviz.plot.numbers import alike, latex, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

WELL, LOST, USELESS = range(3)
CLOSE: Final = 0.05  # share of the test images by which eval mode may be worse than train mode and still count as well
PREDICTED: Final = {"nan": 1.0, "inf": 1.0, "huge": 0.5, "large": 0.0}  # share of the first layer's statistics


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The update with the poisoned batch in it."""
    _ = translator(language)
    momentum = result.settings.momentum
    if not result.poisoned_at:
        return _("No batch of this run is poisoned: its number is past the end.")
    index = int(np.searchsorted(result.batches, result.poisoned_at))
    weight = 1 / result.poisoned_at if isinstance(momentum, str) else momentum
    before, after = float(result.running_var[index - 1]), float(result.running_var[index])
    paragraphs = [
        "**"
        + _("Batch {number}, one pixel of one image set to {value}: first unit of the first layer").format(
            number=result.poisoned_at, value=value_name(result)
        )
        + "**",
        f"$$\n\\hat\\sigma^2 \\leftarrow (1 - {latex(weight)})\\cdot {latex(before)} + {latex(weight)}\\cdot "
        f"{latex(result.bad_variance)} = {latex(after)}\n$$",
        "**" + _("And every batch after it") + "**",
    ]
    if math.isfinite(result.bad_variance):
        paragraphs += [
            _("A finite value is forgotten: after t more batches it weighs α(1 − α)ᵗ."),
            _("It takes {count} batches until the bad batch weighs less than the good ones.").format(
                count=short(result.forgotten)
            )
            if math.isfinite(result.forgotten)
            else _("The plain average forgets it only as 1/t."),
        ]
    else:
        paragraphs += [
            f"$$\n(1 - \\alpha)\\cdot {latex(after)} + \\alpha\\, s^2 = {latex(after)}\n$$",
            _(
                "No weight, however small, makes it a number again. Not even momentum = 1, because 0 times NaN and 0 "
                "times infinity are NaN:"
            ),
            "$$\n0\\cdot\\text{NaN} + 1\\cdot s^2 = \\text{NaN}\n$$",
        ]
    paragraphs.append(
        _("Running variance at the end of the run: {value}. The weights: {weights}.").format(
            value=word(float(result.running_var[-1])),
            weights=_("all right, as train mode shows") if math.isfinite(result.error_train[-1]) else _("NaN as well"),
        )
    )
    return "\n\n".join(paragraphs)


def comparisons(result: Result) -> list[Comparison]:
    """How much of the statistics is lost, and how fast a finite poison is forgotten."""
    settings = result.settings
    predicted = PREDICTED[settings.poison] if result.poisoned_at else 0.0
    rows = [
        Comparison(
            Phrase(N_("share of the first layer's running statistics that are not finite, at the end")),
            float(result.bad_statistics[-1, 0]),
            predicted,
        ),
        Comparison(
            Phrase(
                N_("share of all running statistics that are not finite, after reset and {passes} forward passes"),
                {"passes": settings.passes},
            ),
            float(result.cured_bad[result.cures.index("recalibrate")]),
            0.0 if math.isfinite(result.error_train[-1]) else 1.0,
        ),
    ]
    if math.isfinite(result.expected_var[-1]) and math.isfinite(result.bad_variance):
        good = float(result.running_var[result.before])
        rows.append(
            Comparison(
                Phrase(N_("running variance of the first unit at the end: weight of the bad batch times its variance")),
                float(result.running_var[-1]),
                float(result.expected_var[-1]),
                good / 4,
                Phrase(N_("the good batches' variance taken as it was before, give or take a quarter")),
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Errors in % at the end and after the cures, by the names that the script prints."""
    cured = {
        f"cured[{cure}]": 100 * float(result.cured_error[result.cures.index(cure)])
        for cure in ("more_batches", "momentum_one", "reset", "recalibrate")
    }
    return {
        "error_eval": 100 * float(result.error_eval[-1]),
        "error_train": 100 * float(result.error_train[-1]),
        **cured,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per recorded batch."""
    return {
        "batch": result.batches,
        "error_train": result.error_train,
        "error_eval": result.error_eval,
        "bad_outputs": result.bad_outputs,
        "bad_statistics": result.bad_statistics.mean(1),
        "running_mean": result.running_mean,
        "running_var": result.running_var,
        "expected_var": result.expected_var,
    }


def cured(result: Result) -> bool:
    """Whether recalibration gives numbers again."""
    return math.isfinite(float(result.cured_error[result.cures.index("recalibrate")]))


def only_recalibration_cures(result: Result) -> bool:
    """Whether eval mode stays NaN whatever is done but to reset and recalibrate; resetting alone gives numbers, and wrong ones."""
    error = dict(zip(result.cures, map(float, result.cured_error), strict=True))
    lost = all(math.isnan(error[cure]) for cure in ("nothing", "more_batches", "momentum_one"))
    return lost and error["recalibrate"] < 1.5 * float(result.error_train[-1]) + 0.02 < min(
        error["reset"], error["nan_to_num"]
    )


def finding(result: Result, language: Language = "en") -> str:
    """What eval mode does at the end, and whether recalibration cures it, for the run that is shown."""
    _ = translator(language)
    cured = float(result.cured_error[result.cures.index("recalibrate")])
    told = alike(100 * float(result.error_eval[-1]), 100 * cured)
    state = (
        _("At the end of this run eval mode gives no number at all"),
        _("At the end of this run eval mode gives numbers, but {error} % of the predictions are wrong"),
        _("At the end of this run eval mode is fine again, {error} % of the predictions are wrong"),
    )[(LOST, USELESS, WELL).index(outcome(result))].format(error=told[0])
    if not math.isfinite(cured):
        return state + _("; the weights are lost too, and only an older checkpoint helps.")
    return state + _(
        "; after resetting and re-estimating the statistics, {cured} % of the predictions are wrong."
    ).format(cured=told[1])


def outcome(result: Result) -> int:
    """What eval mode really does at the end."""
    error = float(result.error_eval[-1])
    if not math.isfinite(error):
        return LOST
    level = result.error_train[-1] if math.isfinite(result.error_train[-1]) else 0.0
    return WELL if error <= level + CLOSE else USELESS


TOPIC: Final = InstantTopic(
    lab="modes",
    name="poison",
    folder=Path(__file__).parent,
    title="NaN",
    question=N_("Training looks perfect, but in eval() every output is NaN. What happened?"),
    answer=N_(
        "One batch with one NaN pixel went through in train mode. Train mode forgets it at once, the running statistics never: NaN "
        "times any weight is NaN. Resetting and re-estimating them fixes it, if the weights were spared."
    ),
    finding=finding,
    holds=lambda result: outcome(result) == LOST and only_recalibration_cures(result),
    settings=Settings,
    run=run,
    controls=("poison", "poison_at", "momentum", "skip_bad_steps", "steps", "passes"),
    more=("batch_size", "depth", "width", "learning_rate", "seed"),
    pictures=(figures.poison_course, figures.poison_cures),
    theory=(figures.poison_statistics,),
    comparisons=comparisons,
    presets=(
        Preset(
            "infinity",
            N_("Infinity"),
            N_(
                "The mean becomes infinite and the variance NaN, because ∞ − ∞ is not a number. Eval mode ends the same way."
            ),
            {"poison": "inf"},
            lambda result: (
                outcome(result) == LOST and math.isinf(result.running_mean[-1]) and math.isnan(result.running_var[-1])
            ),
        ),
        Preset(
            "infinite_square",
            N_("Infinite square"),
            N_(
                "10²⁵ has a square beyond float32. The loss stays finite and no NaN shows anywhere, but the running variance of the first "
                "layer is infinite: eval mode predicts the same for every image."
            ),
            {"poison": "huge"},
            lambda result: outcome(result) == USELESS and not result.bad_outputs[-1],
        ),
        Preset(
            "merely_large",
            N_("Merely large"),
            N_(
                "10⁴ is forgotten: the weight of the bad batch falls by a tenth with every batch. The run is too short for that; does a "
                "hundred more good batches fix it?"
            ),
            {"poison": "large"},
            lambda result: result.forgotten > result.batches[-1] - result.poisoned_at,
        ),
        Preset(
            "step_not_skipped",
            N_("Step not skipped"),
            N_(
                "The NaN loss goes backward and every weight becomes NaN. Now no recalibration helps: only an older checkpoint does."
            ),
            {"skip_bad_steps": False},
            lambda result: outcome(result) == LOST and not cured(result),
        ),
        Preset(
            "plain_average",
            N_("Plain average"),
            N_("momentum=None forgets nothing: it recovers neither from NaN nor, in any useful time, from 10⁴."),
            {"poison": "large", "momentum": "cumulative"},
            lambda result: outcome(result) == USELESS,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "One bad batch in train mode, then good ones until the end of the run. What does eval mode do at the end?"
        ),
        options=(
            N_("it has recovered: the running average forgets"),
            N_("its outputs are NaN"),
            N_("its outputs are numbers, but useless"),
        ),
        correct=outcome,
        explanation=N_(
            "A running average forgets what is finite. What is not finite stays, whatever the momentum: look at the attempts to cure it."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("All running means and variances NaN, training perfect, every output the same in eval mode"),
            "pytorch #1206",
            "https://github.com/pytorch/pytorch/issues/1206",
        ),
        Source(
            N_("Another loaded model with NaN in a running variance, and how to look for such things"),
            "pytorch #10008",
            "https://github.com/pytorch/pytorch/issues/10008",
        ),
        SWA_UPDATE_BN,
        PYTORCH_BATCH_NORM,
        DIGITS,
    ),
)
