"""The topic `gap` of the lab `modes`: the same weights and images in train and in eval mode."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.gap import figures
from bnviz.labs.modes.gap.experiment import run
from bnviz.labs.modes.gap.result import Result
from bnviz.labs.modes.gap.script import script
from bnviz.labs.modes.gap.settings import Settings
from bnviz.labs.modes.shared.sources import EVAL_DIFFERS, EVAL_HIGH_ERROR, PYTORCH_BATCH_NORM, SWA_UPDATE_BN
from bnviz.plot.numbers import alike, latex, latex_signed, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset
from bnviz.teaching.paired import between
from bnviz.teaching.sources import DIGITS

NONE, SMALL, LARGE = range(3)
NOTHING: Final = 0.05  # of a standard deviation: nobody would see it
HALF: Final = 0.5
MOST: Final = 0.1  # "most of it" is more than 60 %
NEAR: Final = 0.05  # of itself: another seed changes the gap by about as much


def formula(result: Result, step: int, language: Language = "en") -> str:
    """One value through the first batch norm in both modes, and the gap that theory makes of it."""
    _ = translator(language)
    one = result.sample
    last = len(result.steps) - 1
    train = _line(one.value, one.batch_mean, one.batch_var, one.eps, one.gamma, one.beta, one.in_train)
    evaluated = _line(one.value, one.running_mean, one.running_var, one.eps, one.gamma, one.beta, one.in_eval)
    return "\n\n".join(
        [
            "**"
            + _("The first test image, first unit of the first layer, after {steps} steps").format(
                steps=result.settings.steps
            )
            + "**",
            _("train(): mean and variance of this batch."),
            train,
            _("eval(): the running mean and the running variance."),
            evaluated,
            "**" + _("Over all images and units") + "**",
            _(
                "The layer is a straight line in both modes, and only mean and variance differ, so the gap that it "
                "adds follows from these four numbers alone. Layer 1: measured {measured}, computed {theory} "
                "standard deviations."
            ).format(measured=short(result.own[last, 0]), theory=short(result.own_theory[last, 0])),
            _(
                "Even with exact statistics in eval mode a gap stays: train mode itself is off by the noise of a batch of m."
            ),
            f"$$\n\\sqrt{{2 - 2R(m)}} \\approx \\sqrt{{1.5/m}},\\qquad m = {result.settings.batch_size}: "
            f"\\quad {latex(result.floor)}\n$$",
        ]
    )


def _line(value: float, mean: float, var: float, eps: float, gamma: float, beta: float, output: float) -> str:
    return (
        f"$$\n{latex(gamma)}\\cdot\\frac{{{latex(value)} - {latex_signed(mean)}}}{{\\sqrt{{{latex(var)} + {latex(eps)}}}}} + "
        f"{latex_signed(beta)} = {latex(output)}\n$$"
    )


def comparisons(result: Result) -> list[Comparison]:
    """The gap that each layer adds, from the statistics alone, and what is left after recalibration in the first."""
    rows = [
        Comparison(
            Phrase(
                N_("gap that layer {number} adds by itself, after {steps} steps"),
                {"number": index + 1, "steps": int(result.steps[-1])},
            ),
            float(result.own[-1, index]),
            float(result.own_theory[-1, index]),
        )
        for index in range(min(result.settings.depth, 6))
    ]
    if math.isfinite(result.floor_error):
        counted = 1.5 / (result.settings.batch_size * result.settings.passes)
        rows.append(
            Comparison(
                Phrase(
                    N_(
                        "gap of the first layer after recalibration: noise of a batch of {size} and of k = {passes} batches"
                    ),
                    {"size": result.settings.batch_size, "passes": result.settings.passes},
                ),
                float(result.recalibrated[-1, 0]),
                math.sqrt(result.floor**2 + counted),
                result.floor_error,
                Phrase(N_("predicted for normal values")),
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Gaps in standard deviations and shares in % after the last step, by the names that the script prints."""
    return {
        "gap_first_layer": float(result.gap[-1, 0]),
        "gap_logits": float(result.gap[-1, -1]),
        "gap_logits_recalibrated": float(result.recalibrated[-1, -1]),
        "changed": 100 * float(result.changed[-1]),
        "error_train": 100 * float(result.error_train[-1]),
        "error_eval": 100 * float(result.error_eval[-1]),
        "error_recalibrated": 100 * float(result.error_recalibrated[-1]),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per recorded step."""
    layers = {f"gap_layer_{index + 1}": result.gap[:, index] for index in range(result.settings.depth)}
    own = {f"added_by_layer_{index + 1}": result.own[:, index] for index in range(result.settings.depth)}
    return {
        "step": result.steps,
        **layers,
        "gap_logits": result.gap[:, -1],
        "gap_logits_recalibrated": result.recalibrated[:, -1],
        **own,
        "changed": result.changed,
        "error_train": result.error_train,
        "error_eval": result.error_eval,
        "error_recalibrated": result.error_recalibrated,
        "initial_weight": result.left_over,
    }


def finding(result: Result, language: Language = "en") -> str:
    """How far apart both modes are at the end and which of the two causes is the larger, for the run that is shown."""
    _ = translator(language)
    gap, rest = float(result.gap[-1, -1]), float(result.recalibrated[-1, -1])
    if not math.isfinite(gap):
        return _("The training diverged, so there is nothing to compare. Lower the learning rate.")
    cause = (
        _("most of it came from the running statistics")
        if noise_share(result) < 0.5 - MOST
        else _("most of it is the noise of the batch in train mode")
        if noise_share(result) > 0.5 + MOST
        else _("about half of it came from the running statistics")
    )
    told = alike(gap, rest)
    return _(
        "After {steps} steps the logits of the two modes differ by {gap} of their standard deviation, after recalibration by {rest}: "
        "{cause}."
    ).format(steps=int(result.steps[-1]), gap=told[0], rest=told[1], cause=cause)


def noise_share(result: Result) -> float:
    """What recalibration leaves of the squared gap of the logits: independent causes add up in their squares."""
    return float(result.recalibrated[-1, -1] ** 2 / result.gap[-1, -1] ** 2)


def noise_is_left(result: Result) -> bool:
    """Whether both modes are far apart at first, and recalibration leaves most of what is left later."""
    return bool(result.gap[:, -1].max() > 2 * result.gap[-1, -1]) and noise_share(result) > 0.5 + MOST


def outcome(result: Result) -> int | None:
    """The option that the gap of the logits at the end makes right; None where it is within 5 % of a border."""
    gap = float(result.gap[-1, -1])
    return between(gap, (NOTHING, HALF), NEAR * gap)


TOPIC: Final = InstantTopic(
    lab="modes",
    name="gap",
    folder=Path(__file__).parent,
    title=N_("The gap"),
    question=N_("The weights are the same, the images are the same. Why are the outputs different in eval()?"),
    answer=N_(
        "Train mode normalizes with this batch, eval mode with the running statistics. At first they are far apart, because the running "
        "statistics still hold their initial values. What is left later is mostly the noise of the batch in train mode."
    ),
    finding=finding,
    holds=noise_is_left,
    settings=Settings,
    run=run,
    controls=("momentum", "batch_size", "steps", "passes", "depth", "learning_rate"),
    more=("width", "seed"),
    pictures=(figures.gap_curves, figures.gap_layers, figures.gap_answers),
    theory=(figures.gap_own, figures.gap_floor),
    comparisons=comparisons,
    presets=(
        Preset(
            "ten_steps",
            N_("10 steps in"),
            N_(
                "After ten steps the initial values still weigh 35 % in the running statistics, and recalibration closes a good part of "
                "the gap. The rest is the noise of the batch."
            ),
            {"steps": 10},
            lambda result: result.recalibrated[-1, -1] < 0.75 * result.gap[-1, -1],
        ),
        Preset(
            "momentum_0_01",
            N_("Momentum 0.01"),
            N_("After 100 steps the initial values still weigh 37 %. Keras users know this number as 0.99."),
            {"momentum": 0.01},
            lambda result: abs(float(result.left_over[-1]) - 0.37) < 0.005,
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "Recalibration hardly helps: it is train mode that is off, by the noise of four images. Which mode is right? Look at "
                "the share of wrong predictions."
            ),
            {"batch_size": 4},
            lambda result: result.recalibrated[-1, -1] > 0.75 * result.gap[-1, -1],
        ),
        Preset(
            "batch_of_256",
            N_("Batch of 256"),
            N_(
                "With 256 images per batch train mode has little noise: the logits of both modes lie less than "
                "0.15 standard deviations apart. How many predictions are still others?"
            ),
            {"batch_size": 256},
            lambda result: result.gap[-1, -1] < 0.15,
        ),
        Preset(
            "ten_layers",
            N_("10 layers"),
            N_("Each layer passes its gap on and adds its own. See how it grows with depth."),
            {"depth": 10},
            lambda result: result.gap[-1, -2] > 1.2 * result.gap[-1, 0],
        ),
    ),
    prediction=Prediction(
        question=N_(
            "After the last training step the same images pass through the same weights in train mode and in eval mode. How far "
            "apart are the logits?"
        ),
        options=(
            N_("not at all, the weights are the same"),
            N_("less than half of their standard deviation"),
            N_("more than half of their standard deviation"),
        ),
        correct=outcome,
        explanation=N_(
            "Measured as RMS difference over the standard deviation of the logits. Part of it is the running statistics, part is "
            "the noise of the batch in train mode; the dotted line shows what recalibration leaves."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(EVAL_DIFFERS, EVAL_HIGH_ERROR, PYTORCH_BATCH_NORM, SWA_UPDATE_BN, DIGITS),
)
