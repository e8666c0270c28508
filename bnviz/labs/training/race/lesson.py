"""The topic `race` of the lesson `training`: networks with and without normalizers side by side, and the paper's Figure 1."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.training.race import figures
from bnviz.labs.training.race.experiment import Result, estimated_seconds, run
from bnviz.labs.training.race.script import script
from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.settings import applies
from bnviz.labs.training.shared.sources import BATCH_NORM, BATCH_NORM_PAPER, DIGITS, SANTURKAR
from bnviz.plot.numbers import latex
from bnviz.settings import NORMALIZERS
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import NOISY, SHOWS, Finding
from bnviz.teaching.lab import LiveTopic, Prediction, Preset
from bnviz.theory.gradient import first_length, linear_default_variances, mean_field_lengths

SOONER, NO_SOONER, UNKNOWN = range(3)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Steps to 90 %, the drift of a unit, and what γ and β make of it, with the numbers of the first seed."""
    _ = translator(language)
    parts = ["**1. " + _("How much sooner?") + "**", _sooner(result, _)]
    parts += ["**2. " + _("How far the unit's input moves") + "**", _drift(result, _)]
    if "batch" in result.variants:
        parts += ["**3. " + _("What γ and β make of it") + "**", _learned(result, _)]
    return "\n\n".join(parts)


def _sooner(result: Result, _: Translate) -> str:
    if not result.pairs:
        return _("Choose two variants or more: there is nothing to compare.")
    lines = []
    for (first, second), factors, finding in zip(
        result.pairs, result.speed_factors, result.speed_findings, strict=True
    ):
        known = factors[np.isfinite(factors)]
        names = f"\\text{{{_(NORMALIZERS[first])}}}", f"\\text{{{_(NORMALIZERS[second])}}}"
        if not len(known) or not math.isfinite(finding.low):
            continue
        lines.append(
            f"$$\n\\log_{{10}}\\frac{{T_{names[0]}}}{{T_{names[1]}}}:\\quad \\bar d = {latex(finding.mean)}"
            f"\\ [{latex(finding.low)},\\,{latex(finding.high)}]\\quad\\Rightarrow\\quad \\times {latex(10**finding.mean)}\n$$"
        )
    told = _(
        "T is the number of steps to a test accuracy of 90 %. The ratio is taken seed by seed, as a logarithm, so that twice "
        "as fast and half as fast weigh the same; who does not get there counts with the length of the run."
    )
    return (
        told
        + "\n\n"
        + "\n\n".join(lines or [_("There are fewer than three seeds with both numbers: no interval can be given.")])
    )


def _drift(result: Result, _: Translate) -> str:
    lines = []
    for number, name in enumerate(result.variants):
        low, _median, high = result.percentiles[number, 0, -1]
        width, share = float(high - low), float(result.drift[number, 0])
        lines.append(
            f"$$\n\\text{{{_(NORMALIZERS[name])}}}:\\quad \\frac{{\\max_t q_{{50}}(t) - \\min_t q_{{50}}(t)}}"
            f"{{q_{{85}}(T) - q_{{15}}(T)}} = \\frac{{{latex(share * width)}}}{{{latex(width)}}} = {latex(share)}\n$$"
        )
    told = _("Median and percentiles of unit {unit} of the last hidden layer over the test set, seed {seed}; t runs over the "
             "recorded steps from 50 on, or from half of a short run on.")  # fmt: skip
    return told.format(unit=result.settings.unit, seed=result.settings.seed) + "\n\n" + "\n\n".join(lines)


def _learned(result: Result, _: Translate) -> str:
    index = result.variants.index("batch")
    moments = result.moments[index]
    gamma, beta = float(result.scale[index, 0, -1]), float(result.shift[index, 0, -1])
    return (
        _("Behind batch norm a batch has mean β and standard deviation |γ|·√(v/(v + ε)), whatever the layers in front do: the "
          "drift that is left is what γ and β learn. Over one training batch, seed {seed}:").format(seed=result.settings.seed)
        + f"\n\n$$\n\\beta = {latex(beta)},\\ \\gamma = {latex(gamma)};\\qquad \\text{{{_('measured')}}}:\\ "
        f"{latex(float(moments.mean[0]))},\\ {latex(float(moments.deviation[0]))}\n$$"
    )  # fmt: skip


def comparisons(result: Result) -> list[Comparison]:
    """Mean and s.d. behind batch norm against γ and β, and the mean square in the fresh network without a normalizer."""
    rows: list[Comparison] = []
    if "batch" in result.variants:
        moments = result.moments[result.variants.index("batch")]
        alive = np.flatnonzero(np.isfinite(moments.mean))[:1]
        for seed in alive:
            rows += [
                Comparison(Phrase(N_("mean of the unit's input over a training batch, batch norm: β")),
                           float(moments.mean[seed]), float(moments.expected_mean[seed])),
                Comparison(Phrase(N_("its standard deviation: |γ|·√(v/(v + ε))")),
                           float(moments.deviation[seed]), float(moments.expected_deviation[seed])),
            ]  # fmt: skip
    if "none" in result.variants:
        squares = result.fresh[result.variants.index("none")]
        measured = squares.mean_square
        # Units of one network share what the layers in front drew: the scatter over networks counts it, that over few of them badly.
        spread = measured.std(ddof=1) if len(measured) > 2 else measured.mean() * 0.2
        rows.append(
            Comparison(
                Phrase(N_("mean square of the last activation's input, fresh network, no normalizer")),
                float(measured.mean()),
                _fresh_square(result, squares.input_square),
                float(spread / math.sqrt(len(measured))),
                Phrase(N_("mean-field theory, exact for infinitely many units")),
            )
        )
    return rows


def _fresh_square(result: Result, input_square: float) -> float:
    """Mean square of the last hidden layer's pre-activations before training, by mean-field theory."""
    settings, inputs = result.settings, result.inputs

    def variances(fan_in: int) -> tuple[float, float]:
        if settings.init == "torch":
            return linear_default_variances(fan_in)
        return (2.0 if settings.init == "he" else 0.01 * fan_in), 0.0

    first = first_length(input_square, *variances(inputs))
    lengths = mean_field_lengths(settings.activation, *variances(settings.width), first, settings.depth)
    return float(lengths[-1])


def headline(result: Result) -> dict[str, float]:
    """Final test errors in %, drift of the watched unit and steps to 90 %, means over seeds, by the names the script prints."""
    numbers: dict[str, float] = {}
    for index, name in enumerate(result.variants):
        there = result.steps_to_goal[index][np.isfinite(result.steps_to_goal[index])]
        numbers[f"error_{name}"] = 100 * float(result.error[index, -1])
        numbers[f"drift_{name}"] = float(result.drift_mean[index])
        numbers[f"steps_to_90_{name}"] = float(there.mean()) if len(there) else math.nan
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point."""
    shape = result.accuracy.shape
    columns = {
        "normalizer": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "test_loss": result.loss,
        "input_15": result.percentiles[..., 0],
        "input_50": result.percentiles[..., 1],
        "input_85": result.percentiles[..., 2],
        "gamma": result.scale,
        "beta": result.shift,
        "diverged_at_step": result.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int:
    """The option that the verdict on steps to 90 %, batch norm against the first variant, makes right."""
    finding = batch_finding(result)
    if finding is None or finding.verdict == NOISY:
        return UNKNOWN
    return SOONER if finding.verdict == SHOWS and finding.mean >= 1 else NO_SOONER


def batch_finding(result: Result) -> Finding | None:
    """The finding on speed for batch norm, where it is compared."""
    found = [
        finding for (_, second), finding in zip(result.pairs, result.speed_findings, strict=True) if second == "batch"
    ]
    return found[0] if found else None


TOPIC: Final = LiveTopic(
    lab="training",
    name="race",
    folder=Path(__file__).parent,
    title=N_("Race"),
    question=N_("How much sooner is a network trained, and does its inside stand still?"),
    answer=N_(
        "Here batch norm needs tens of times fewer steps to 90 %, and the unit that is watched drifts less. Layer and group norm "
        "are several times faster too, though their units wander: a network need not stand still to be fast."
    ),
    settings=Settings,
    run=run,
    controls=("normalizers", "optimizer", "learning_rate", "activation", "epochs", "seeds"),
    more=("source", "samples", "noise", "init", "depth", "width", "batch_size", "unit", "seed"),
    applies=applies,
    pictures=(figures.curves, figures.received, figures.claims),
    theory=(figures.learned,),
    comparisons=comparisons,
    presets=(
        Preset(
            "figure_1_of_the_paper",
            N_("Figure 1 of the paper"),
            N_("In the second picture, the unit without batch norm wanders and widens; with batch norm it keeps its place. Layer "
               "and group norm wander too, and are fast all the same."),
            {},
        ),
        Preset(
            "adam",
            N_("Adam"),
            N_("With Adam the network without any normalizer does fine as well: that a sigmoid network needs batch norm is "
               "folklore, it needs it with plain SGD."),
            {"optimizer": "adam", "learning_rate": 0.01, "epochs": 20},
        ),
        Preset(
            "pytorch_s_initialization",
            N_("PyTorch's initialization"),
            N_("With nn.Linear's own, smaller weights, the sigmoid network without batch norm stays at chance for the whole run."),
            {"init": "torch"},
        ),
        Preset(
            "relu",
            N_("ReLU"),
            N_("With ReLU and He's initialization, everybody learns quickly. What batch norm gains in the end is small, and has "
               "its interval."),
            {"activation": "relu", "init": "he", "learning_rate": 0.1, "epochs": 15},
        ),
        Preset(
            "too_fast",
            N_("Too fast"),
            N_("A learning rate that is too high: the crosses say at which step a network stops being a number. The others go on."),
            {"activation": "relu", "init": "he", "learning_rate": 5.0, "epochs": 10},
        ),
    ),
    prediction=Prediction(
        N_("A small sigmoid network, plain SGD. With batch norm in front of every activation, 90 % of test digits are right …"),
        (
            N_("at least ten times sooner"),
            N_("not that much sooner, or no sooner at all"),
            N_("too noisy to tell from these seeds"),
        ),
        outcome,
        N_("Judged from the steps to 90 %, seed by seed; the third picture has the factor, its interval and the verdict."),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(BATCH_NORM_PAPER, SANTURKAR, BATCH_NORM, DIGITS),
    result=Result,
    cost=estimated_seconds,
    upload="classes",
)  # fmt: skip
