"""The topic `shift` of the lab `noise`: what Dropout in front of batch norm does to eval mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.noise.shared.shift_words import layer_comparisons, layers_table
from bnviz.labs.noise.shared.sources import BATCH_NORM, DROPOUT, VARIANCE_SHIFT
from bnviz.labs.noise.shift import figures
from bnviz.labs.noise.shift.experiment import run
from bnviz.labs.noise.shift.result import Result
from bnviz.labs.noise.shift.script import script
from bnviz.labs.noise.shift.settings import Settings
from bnviz.plot.numbers import latex, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between
from bnviz.teaching.sources import DIGITS
from bnviz.theory.dropout import training_variance

ALIKE, MILD, STRONG = 0.9, 0.3, 0.1  # variance ratios between which the answers of the prediction change


def finding(result: Result, language: Language = "en") -> str:
    """What is left of the variance after the last batch norm in eval mode, for the run that is shown."""
    _ = translator(language)
    last = float(result.shift.ratio[-1])
    text = _("In eval mode the last batch norm's output has variance {ratio}, in training 1").format(ratio=short(last))
    if last < ALIKE:
        return text + _(": Dropout raised the variance in training only, and batch norm remembers it.")
    return text + _(": no batch norm was misled here.")


def outcome(result: Result) -> int | None:
    """The option of the prediction that the last layer's variance makes right; None within two standard errors of a border."""
    above = between(float(result.shift.ratio[-1]), (STRONG, MILD, ALIKE), 2 * float(result.shift.ratio_error[-1]))
    return None if above is None else len((STRONG, MILD, ALIKE)) - above


def formula(result: Result, step: int, language: Language) -> str:
    """One Dropout by hand, and how the layers add up."""
    _ = translator(language)
    p = result.settings.dropout
    k = 1 - p
    variance = float(training_variance(1.0, 1.0, p))
    pure = (
        "$$\nV = \\frac{\\sigma^2 + \\mu^2}{k} - \\mu^2,\\qquad k = 1 - p = "
        + f"{latex(k)}:\\qquad V = \\frac{{1 + 1}}{{{latex(k)}}} - 1 = {latex(variance)}\n$$\n\n"
        + _(
            "In eval mode nothing is dropped, the variance is σ² again, and batch norm still divides by the V of training:"
        )
        + f"\n\n$$\n\\operatorname{{Var}}[\\hat x_\\text{{eval}}] = \\frac{{\\sigma^2}}{{V}} = \\frac{{1}}{{{latex(variance)}}} = "
        f"{latex(1 / variance)}\n$$"
    )
    return "\n\n".join(
        [
            "**1. " + _("Dropout → BN alone, for a feature with μ = σ = 1") + "**",
            pure,
            "**2. " + _("Through the network") + "**",
            layers_table(result.shift, _),
        ]
    )


def comparisons(result: Result) -> list[Comparison]:
    """The layers, and Dropout → BN alone at p = 0.5."""
    pure = result.pure
    half = int(np.argmin(np.abs(pure.rates - 0.5)))
    alone = [
        Comparison(
            Phrase(N_("Dropout → BN alone at p = 0.5, μ/σ = {mean}"), {"mean": short(float(mean))}),
            float(variance),
            float(theory),
            float(variance * relative_error),
        )
        for mean, variance, theory, relative_error in zip(
            pure.means,
            pure.variance[:, half],
            pure.variance_theory[:, half],
            pure.variance_error[:, half],
            strict=True,
        )
    ]
    return layer_comparisons(result.shift) + alone


def headline(result: Result) -> dict[str, float]:
    """The numbers that the script prints, by its names."""
    ratios = {f"variance_ratio_{index}": float(value) for index, value in enumerate(result.shift.ratio, start=1)}
    return {**ratios, "theory_1": float(result.shift.local[0])}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per hidden layer."""
    shift = result.shift
    return {
        "hidden_layer": np.arange(1, len(shift.ratio) + 1),
        "variance_in_training": np.ones(len(shift.ratio)),
        "variance_in_eval": shift.ratio,
        "predicted": shift.ratio_theory,
        "own_dropout_alone": shift.local,
        "units_left_out": shift.left_out,
    }


def _falls_and_levels_off(result: Result) -> bool:
    """Whether the first layers lose more than the last, which hardly lose any more, and little is left."""
    steps = result.shift.ratio[1:] / result.shift.ratio[:-1]
    return bool(result.shift.ratio[-1] < 0.25 and steps[0] < 0.8 and steps[-2:].min() > steps[:2].max())


TOPIC: Final = InstantTopic(
    lab="noise",
    name="shift",
    folder=Path(__file__).parent,
    title=N_("Variance shift"),
    question=N_("What does Dropout before batch norm do in eval mode?"),
    answer=N_(
        "Dropout raises the variance in training only. Batch norm remembers it, divides by too much in eval mode, and passes on too "
        "little; layer by layer this adds up."
    ),
    finding=finding,
    holds=lambda result: bool((np.diff(result.shift.ratio, prepend=1.0) < 0).all()),
    settings=Settings,
    run=run,
    controls=("dropout", "order", "depth", "width"),
    more=("seed",),
    applies=lambda settings, name: name != "dropout" or settings.order != "none",
    pictures=(figures.ratios, figures.outputs, figures.pure),
    theory=(figures.units,),
    comparisons=comparisons,
    presets=(
        Preset(
            "half_dropped",
            N_("Half dropped"),
            N_(
                "Every layer passes on less than it did in training; by the third less than a tenth of the variance is left."
            ),
            {},
            lambda result: float(result.shift.ratio[2]) < 0.1,
        ),
        Preset(
            "a_fifth_dropped",
            N_("A fifth dropped"),
            N_("A small rate shifts too, and still more with every layer."),
            {"dropout": 0.2},
            lambda result: bool((np.diff(result.shift.ratio, prepend=1.0) < 0).all()),
        ),
        Preset(
            "after_the_last_norm",
            N_("After the last norm"),
            N_("No batch norm sees the Dropout: the variance is 1 in both modes, at every layer."),
            {"order": "dropout_after_norm"},
            lambda result: bool((abs(result.shift.ratio - 1) < 0.05).all()),
        ),
        Preset(
            "with_10_layers",
            N_("10 layers"),
            N_("The first layers lose most, then it levels off: after ten layers little of the variance is left."),
            {"depth": 10, "width": 64, "dropout": 0.2},
            _falls_and_levels_off,
        ),
        Preset(
            "four_fifths_dropped",
            N_("Four fifths dropped"),
            N_(
                "Hardly anything is left of the signal in eval mode: the next layer sees almost the same for every image."
            ),
            {"dropout": 0.8},
            lambda result: float(result.shift.ratio[-1]) < 0.02,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "In training the output of every batch norm has variance 1. What variance does the last one's output "
            "have in eval mode, on the same images, with the Dropout chosen here?"
        ),
        options=(N_("about 1 too"), N_("0.3 to 0.9"), N_("0.1 to 0.3"), N_("less than 0.1")),
        correct=outcome,
        explanation=N_(
            "After Dropout the variance is V = (σ² + μ²)/(1 − p) − μ² in training and σ² in eval mode. The mean counts too: dropping "
            "a value that is far from 0 is a large jump. Dropout after the last batch norm shifts nothing."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        VARIANCE_SHIFT,
        DROPOUT,
        BATCH_NORM,
        DIGITS,
        Source(
            N_("The question as somebody asked it in practice: do Dropout and batch norm go together?"),
            "mltu #41",
            "https://github.com/pythonlessons/mltu/issues/41",
        ),
    ),
)
