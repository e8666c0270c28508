"""The topic `through_time` of the lesson `recurrence`: gradients on their way back through the time steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.recurrence.shared.comparisons import of_through_time
from bnviz.labs.recurrence.shared.sources import COOIJMANS, DIGITS, RNN_MODULES, SCHOENHOLZ, YANG
from bnviz.labs.recurrence.through_time import figures
from bnviz.labs.recurrence.through_time.experiment import ThroughTimeResult, run
from bnviz.labs.recurrence.through_time.script import script
from bnviz.labs.recurrence.through_time.settings import Settings
from bnviz.plot.numbers import latex, short
from bnviz.teaching.lab import InstantTopic, Prediction, Preset
from bnviz.theory.activations import moments_after
from bnviz.theory.growth import growth_recurrent_tanh

SMALL, EQUAL, ONE = range(3)
SAME: Final = 0.01  # of the growth per step: over eight steps less than a tenth of the gradient


def more_kept(result: ThroughTimeResult) -> int:
    """Which option of the prediction is right: the γ with which more of the gradient arrives, of 0.1 and 1."""
    values = {float(gamma): growth for gamma, growth in zip(result.gammas, result.gamma_over_seeds.mean, strict=True)}
    if abs(values[0.1] - values[1.0]) < SAME:
        return EQUAL
    return SMALL if values[0.1] > values[1.0] else ONE


def formula(result: ThroughTimeResult, step: int, language: Language = "en") -> str:
    """The factor per step of the tanh cell with its numbers, and what is left over all steps."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("The factor of one step back, tanh cell") + "**",
            _factor(result, _),
            "**2. " + _("Over all steps") + "**",
            _product(result, _),
        ]
    )


def _factor(result: ThroughTimeResult, _: Translate) -> str:
    gamma = result.settings.gamma
    definition = (
        r"$$" + "\n" + r"h_t = \tanh\bigl(\gamma\,\widehat{W_h h_{t-1}} + u_t\bigr),\qquad "
        r"\frac{\mathbb{E}\lVert\partial L/\partial h_{t-1}\rVert^2}{\mathbb{E}\lVert\partial L/\partial h_t\rVert^2} = "
        r"\frac{\gamma^2\,\mathbb{E}[\tanh'(sz)^2]}{\mathbb{E}[\tanh(sz)^2]},\qquad s^2 = \gamma^2 + \operatorname{Var}(u)" + "\n$$"
    )  # fmt: skip
    if not gamma:
        return definition + "\n\n" + _("With γ = 0 nothing passes from step to step.")
    moments = moments_after("tanh", math.sqrt(2) * abs(gamma))
    growth = growth_recurrent_tanh(gamma, gamma**2)
    return "\n\n".join(
        [
            definition,
            _("The input's part has a normalizer with the same γ, so Var(u) = γ². With γ = {gamma}:").format(
                gamma=short(gamma)
            ),
            f"$$\n\\sqrt{{\\frac{{{latex(gamma**2)}\\cdot {latex(moments.mean_squared_slope)}}}"
            f"{{{latex(moments.second_moment)}}}}} = {latex(growth)}\n$$",
            _("For small γ this tends to √½: half of what a step passes on comes from the input, and no gradient goes back there."),
        ]
    )  # fmt: skip


def _product(result: ThroughTimeResult, _: Translate) -> str:
    index = result.variants.index("batch_per_step")
    relative, count = result.relative, result.settings.steps
    lines = [
        _(
            "Measured with batch norm per step: after {steps} steps back × {times}; without a normalizer × {none}."
        ).format(
            steps=count - 1,
            times=short(float(relative.mean[index, 0])),
            none=short(float(relative.mean[result.variants.index("none"), 0])),
        )
    ]
    theory = result.growth_theory[index]
    if np.isfinite(theory).all():
        shown = r"\cdot ".join(latex(float(factor)) for factor in theory[::-1][:8])
        dots = r"\cdots" if count > 9 else ""
        lines += [
            _("Predicted, step by step, the last one first:"),
            f"$$\n{shown}{dots} = {latex(float(result.relative_theory[index, 0]))}\n$$",
        ]
    elif result.settings.cell != "rnn":
        lines.append(_("There is no closed form for a cell with gates: choose RNN."))
    return "\n\n".join(lines)


def headline(result: ThroughTimeResult) -> dict[str, float]:
    """What arrives at the first step, relative to the last, and the growth per step for each γ, by the names the script prints."""
    over = result.relative
    numbers = {
        f"first_over_last_{variant}": float(over.mean[index, 0]) for index, variant in enumerate(result.variants)
    }
    for gamma, growth in zip(result.gammas, result.gamma_over_seeds.mean, strict=True):
        numbers[f"growth_gamma_{gamma:g}"] = float(growth)
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def table(result: ThroughTimeResult) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and time step."""
    shape = result.gradient.shape
    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "time_step": np.arange(1, shape[2] + 1),
        "rms_gradient": result.gradient,
        "relative_theory": result.relative_theory[:, None, :],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


TOPIC: Final = InstantTopic(
    lab="recurrence",
    name="through_time",
    folder=Path(__file__).parent,
    title=N_("Gradient through time"),
    question=N_("Does batch norm keep the gradient alive through time?"),
    answer=N_(
        "In this tanh cell it slows the decay: half of the gradient is left seven steps back, without a normalizer a "
        "fiftieth. A small γ does not help here, and batch norm of the input only makes it worse."
    ),
    settings=Settings,
    run=run,
    controls=("cell", "gamma", "batch_size", "width", "sequence", "seeds"),
    more=("seed",),
    pictures=(figures.gradient, figures.gammas),
    theory=(figures.growth,),
    comparisons=of_through_time,
    presets=(
        Preset(
            "tanh_gamma_1",
            N_("tanh, γ = 1"),
            N_(
                "Without a normalizer every step back leaves 0.57 of the gradient; with batch norm per step nearly "
                "0.9 is left each time."
            ),
            {},
        ),
        Preset(
            "gamma_0_1",
            N_("γ = 0.1"),
            N_(
                "Cooijmans' proposal, which is said to keep the gradient: here it keeps less than γ = 1. Half of what "
                "a step passes on comes from the input, where no gradient goes back."
            ),
            {"gamma": 0.1},
        ),
        Preset(
            "gamma_3",
            N_("γ = 3"),
            N_(
                "The other end: the gradient grows on its way back, although tanh is saturated. Batch norm divides by "
                "the spread of the state, which stays below 1, and multiplies by 3."
            ),
            {"gamma": 3.0},
        ),
        Preset(
            "lstm",
            N_("LSTM"),
            N_(
                "No closed form here. Without a normalizer the first step back costs most: the output gate and the "
                "tanh stand in the way."
            ),
            {"cell": "lstm"},
        ),
        Preset(
            "with_64_pixels",
            N_("64 pixels"),
            N_(
                "The first pixels are blank in nearly every image: the state hardly varies there, batch norm divides "
                "by almost 0, and the gradient explodes, a hundredfold in one step."
            ),
            {"sequence": "pixels", "width": 64, "seeds": 3},
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "Fewer samples, a larger and more uneven factor: batch norm per step leaves the closed form, layer "
                "norm does not care."
            ),
            {"batch_size": 4},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Batch norm per step in this cell, γ starting at 0.1 or at 1: with which does more of the gradient arrive "
            "at the early steps?"
        ),
        options=(N_("γ = 0.1"), N_("no difference"), N_("γ = 1")),
        correct=more_kept,
        explanation=N_(
            "A small γ keeps tanh out of saturation, but it also makes the input's part as large as the state's, and "
            "what the input brings has no way back. The second picture shows both effects."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(COOIJMANS, YANG, SCHOENHOLZ, RNN_MODULES, DIGITS),
)
