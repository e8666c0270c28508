"""The topic `dropout` of the lab `noise`: Dropout in front of batch norm, behind it, and alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.noise.dropout import figures
from bnviz.labs.noise.dropout.experiment import estimated_seconds, run
from bnviz.labs.noise.dropout.result import ALONE, BEFORE, COSTS, HELPS, LEFT, RECOVERED, Result
from bnviz.labs.noise.dropout.script import script
from bnviz.labs.noise.dropout.settings import Settings
from bnviz.labs.noise.shared.findings import in_words
from bnviz.labs.noise.shared.shift_words import layer_comparisons, layers_table
from bnviz.labs.noise.shared.sources import BATCH_NORM, DROPOUT, EQUIVALENCE, VARIANCE_SHIFT
from bnviz.plot.numbers import short
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import CONFIDENCE, MIN_PAIRS, NOISY, SHOWS
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import better_or_alike
from bnviz.teaching.sources import DIGITS

NEARLY_ALL, HALF = 0.8, 0.5
NO_GAP, UNKNOWN = 3, 4


def share_recovered(result: Result) -> float:
    """The share of the gap between Dropout before and behind norm that recalibration closes; NaN where no gap shows."""
    gap = result.findings[COSTS]
    if gap.verdict != SHOWS or gap.mean > 0:
        return math.nan
    return -result.findings[RECOVERED].mean / gap.mean


def share_interval(result: Result) -> tuple[float, float]:
    """Ends of the 95 % interval of `share_recovered`; NaN where no gap shows, what is recovered has no verdict, or there are no ends.

    By Fieller's method: the shares p for which recovered + p·gap, seed by seed, may have mean 0.
    """
    if math.isnan(share_recovered(result)) or result.findings[RECOVERED].refused:
        return math.nan, math.nan
    gap, recovered = -result.differences[COSTS], result.differences[RECOVERED]
    known = np.isfinite(gap) & np.isfinite(recovered)
    gap, recovered = gap[known], recovered[known]
    count = len(gap)
    if count < MIN_PAIRS:
        return math.nan, math.nan
    squared = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) ** 2 / count
    variances = np.cov(recovered, gap)
    # (mean recovered − p·mean gap)² = t²/n · (s_rr − 2p·s_rg + p²·s_gg) is a quadratic equation in p.
    coefficients = [
        gap.mean() ** 2 - squared * variances[1, 1],
        -2 * (recovered.mean() * gap.mean() - squared * variances[0, 1]),
        recovered.mean() ** 2 - squared * variances[0, 0],
    ]
    root = coefficients[1] ** 2 - 4 * coefficients[0] * coefficients[2]
    if coefficients[0] <= 0 or root < 0:
        return math.nan, math.nan
    low, high = ((-coefficients[1] + sign * math.sqrt(root)) / (2 * coefficients[0]) for sign in (-1, 1))
    return float(low), float(high)


def outcome(result: Result) -> int | None:
    """The option of the prediction that the run makes right; its share's whole interval must lie on one side.

    None where Dropout before every norm is the better one: there the question makes no sense.
    """
    if math.isnan(share_recovered(result)):
        return {SHOWS: None, NOISY: UNKNOWN}.get(result.findings[COSTS].verdict, NO_GAP)
    low, high = share_interval(result)
    if low > NEARLY_ALL:
        return 0
    if low > HALF:
        return 1
    return 2 if high < HALF else UNKNOWN


def finding(result: Result, language: Language = "en") -> str:
    """What Dropout does at both places and what recalibration gives back, for the run that is shown."""
    _ = translator(language)
    none, after, before = (
        _(name) for name in (N_("no Dropout"), N_("Dropout after the last norm"), N_("Dropout before every norm"))
    )
    parts = [
        better_or_alike(none, after, result.findings[HELPS], _),
        better_or_alike(after, before, result.findings[COSTS], _),
    ]
    low, high = share_interval(result)
    if math.isfinite(low):
        parts.append(
            _("Recalibration closes {share} % of that gap ({low} … {high} %).").format(
                share=round(100 * share_recovered(result)), low=round(100 * low), high=round(100 * high)
            )
        )
    return " ".join(parts)


def formula(result: Result, step: int, language: Language) -> str:
    """The gap, what recalibration recovers of it and what it leaves, with intervals; then the layers."""
    _ = translator(language)
    findings = result.findings
    paragraphs = [
        "**1. " + _("What the place of Dropout costs, and what recalibration gives back") + "**",
        _("Differences of test accuracy in points, seed by seed, with the 95 % interval of their mean:"),
        "\n".join(
            "- " + text
            for text in (
                in_words(_("Dropout after the last norm compared with no Dropout"), findings[HELPS], _),
                in_words(_("Dropout before every norm compared with after the last"), findings[COSTS], _),
                in_words(_("recalibration: running statistics re-estimated without Dropout"), findings[RECOVERED], _),
                in_words(_("what is left: recalibrated compared with Dropout after the last norm"), findings[LEFT], _),
                in_words(_("recalibrated compared with the same Dropout without any batch norm"), findings[ALONE], _),
            )
        ),
        _share(result, _),
        "**2. " + _("Training error") + "**",
        _training(result, _),
        "**3. " + _("The shift in these networks") + "**",
        layers_table(result.shift, _),
    ]
    return "\n\n".join(paragraphs)


def _share(result: Result, _: Translate) -> str:
    share = share_recovered(result)
    if math.isnan(share):
        return _(
            "This run does not find that Dropout before every norm costs more than after the last, so there is no share of it to recover."
        )
    gap, recovered = 100 * result.findings[COSTS].mean, 100 * result.findings[RECOVERED].mean
    low, high = share_interval(result)
    ends = f"\\ [{100 * low:.0f},\\,{100 * high:.0f}]" if math.isfinite(low) else ""
    return (
        _("So the variance shift explains this share of the gap, with its 95 % interval where it has one:")
        + f"\n\n$$\n\\frac{{{recovered:.2f}}}{{{-gap:.2f}}} = {100 * share:.0f}{ends}\\,\\%\n$$\n\n"
        + _(
            "Whatever is left was learned that way: with the statistics right, the weights are still those that Dropout at every layer "
            "made."
        )
    )


def _training(result: Result, _: Translate) -> str:
    means = [short(100 * float(value)) for value in _averages(result.train_error)]
    return _(
        "Share of the training images that are wrong at the end, in eval mode: no Dropout {none} %, after norm "
        "{after} %, before norm {before} %, before norm recalibrated {recalibrated} %, Dropout without batch norm "
        "{alone} %."
    ).format(none=means[0], after=means[1], before=means[2], recalibrated=means[4], alone=means[3])


def _averages(rows: NDArray[np.float64]) -> list[float]:
    return [float(row[np.isfinite(row)].mean()) if np.isfinite(row).any() else math.nan for row in rows]


def comparisons(result: Result) -> list[Comparison]:
    """Variance shift of each layer in the trained networks with Dropout in front of batch norm."""
    return layer_comparisons(result.shift)


def headline(result: Result) -> dict[str, float]:
    """Final errors in %, and differences in points, by the names that the script prints."""
    errors = {
        f"error_{name}": 100 * float(result.courses.error.mean[index, -1]) for index, name in enumerate(result.variants)
    }
    return {
        **errors,
        "error_recalibrated": 100 * float(result.recalibrated_error.mean[-1]),
        "after_minus_none": 100 * result.findings[HELPS].mean,
        "before_minus_after": 100 * result.findings[COSTS].mean,
        "recovered": 100 * result.findings[RECOVERED].mean,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point; the recalibrated accuracy stands with Dropout before norm."""
    courses = result.courses
    shape = courses.accuracy.shape
    afresh = np.full(shape, np.nan)
    afresh[BEFORE] = result.recalibrated
    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": courses.steps,
        "epoch": courses.epochs,
        "accuracy": courses.accuracy,
        "recalibrated_accuracy": afresh,
        "test_loss": courses.loss,
        "diverged_at_step": courses.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


TOPIC: Final = LiveTopic(
    lab="noise",
    name="dropout",
    folder=Path(__file__).parent,
    title=N_("With Dropout"),
    question=N_("Does Dropout harm a network with batch norm, and is the variance shift to blame?"),
    answer=N_(
        "After the last batch norm it shifts nothing; before every one it shifts the variance. How much of what that "
        "costs is due to the shift? Recalibration removes the shift and nothing else."
    ),
    finding=finding,
    findings=lambda result: result.findings,
    settings=Settings,
    run=run,
    controls=("dropout", "epochs", "train_size", "learning_rate", "batch_size", "seeds"),
    more=("depth", "width", "seed"),
    pictures=(figures.curves, figures.differences, figures.ratios),
    theory=(figures.remainder, figures.units),
    comparisons=comparisons,
    presets=(
        Preset(
            "half_dropped",
            N_("Half dropped"),
            N_("Compare the two places in the second picture. How much of the gap does recalibration close?"),
            {},
        ),
        Preset(
            "a_fifth_dropped",
            N_("A fifth dropped"),
            N_("What harms at one half may be harmless at one fifth. Does either place still cost a point?"),
            {"dropout": 0.2},
        ),
        Preset(
            "four_fifths_dropped",
            N_("Four fifths dropped"),
            N_(
                "Does eval mode break down with Dropout before the norm? If so: does Dropout without batch norm break down too, and what "
                "does recalibration bring back?"
            ),
            {"dropout": 0.8},
        ),
        Preset(
            "with_100_images",
            N_("100 images"),
            N_("Fewer images, more to gain from a regularizer? Compare Dropout after the last norm with 200 images."),
            {"train_size": 100, "epochs": 60},
        ),
        Preset(
            "all_images",
            N_("All images"),
            N_(
                "With all 1347 images: does Dropout after the last norm still help? Does Dropout before every norm still cost?"
            ),
            {"train_size": 1347, "epochs": 15},
        ),
        Preset(
            "too_few_seeds",
            N_("Too few seeds"),
            N_("Four seeds, five epochs: how wide are the intervals now, and which verdicts are left?"),
            {"seeds": 4, "epochs": 5},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Dropout before every batch norm is compared with Dropout after the last. Its running statistics are then re-estimated "
            "without Dropout, so that they are right for eval mode. How much of the gap does that close?"
        ),
        options=(
            N_("nearly all, more than 80 %"),
            N_("more than half"),
            N_("less than half"),
            N_("there is no relevant gap"),
            N_("too noisy to tell from these seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "Recalibration removes the variance shift and nothing else. What it leaves was learned: the weights are "
            "those that Dropout at every layer made. Does the same Dropout do better without batch norm? The formula "
            "view compares."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        VARIANCE_SHIFT,
        Source(
            N_("On CIFAR-100, Dropout 0.5 in DenseNet takes accuracy from 77.42 % to 68.55 % (Figure 1)"),
            "Li, Chen, Hu & Yang 2018, arXiv:1801.05134",
            "https://arxiv.org/abs/1801.05134",
        ),
        Source(
            N_("Running statistics re-estimated by forward passes alone"),
            "torch.optim.swa_utils.update_bn",
            "https://docs.pytorch.org/docs/stable/optim.html#torch.optim.swa_utils.update_bn",
        ),
        DROPOUT,
        BATCH_NORM,
        EQUIVALENCE,
        DIGITS,
    ),
    result=Result,
    cost=estimated_seconds,
)
