"""The topic `through_time` of the lab `recurrence`: gradients on their way back through the time steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.recurrence.shared.figures import VARIANT_NAMES
from bnviz.labs.recurrence.shared.sources import COOIJMANS, RNN_MODULES, SCHOENHOLZ, YANG
from bnviz.labs.recurrence.through_time import figures
from bnviz.labs.recurrence.through_time.comparisons import comparisons
from bnviz.labs.recurrence.through_time.experiment import run
from bnviz.labs.recurrence.through_time.formula import formula
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.labs.recurrence.through_time.script import script
from bnviz.labs.recurrence.through_time.settings import Settings
from bnviz.plot.numbers import short
from bnviz.settings import RecurrentVariantName
from bnviz.study.verdict import NOISY, judge
from bnviz.teaching.lab import InstantTopic, Prediction, Preset
from bnviz.teaching.paired import right_option
from bnviz.teaching.sources import DIGITS

SMALL, EQUAL, ONE = range(3)
SAME: Final = 0.01  # of the growth per step: over eight steps less than a tenth of the gradient


def more_kept(result: Result) -> int | None:
    """Which option of the prediction is right: the γ with which more of the gradient arrives, of 0.1 and 1, judged over the networks.

    None where these cannot tell.
    """
    growth = dict(zip(map(float, result.gammas), result.gamma_growth, strict=True))
    found = judge(growth[1.0] - growth[0.1], SAME)
    return None if found.verdict == NOISY else right_option(found, more=ONE, less=SMALL, alike=EQUAL, unknown=EQUAL)


def finding(result: Result, language: Language = "en") -> str:
    """What becomes of the gradient on its way back, for the variants that are shown."""
    _ = translator(language)
    relative = result.relative.mean
    parts = [
        _("{variant} ×{factor}").format(variant=_(VARIANT_NAMES[name]), factor=short(float(relative[index, 0])))
        for index, name in enumerate(result.variants)
        if math.isfinite(float(relative[index, 0]))
    ]
    return _("What {count} steps back make of the gradient: {parts}.").format(
        count=relative.shape[1] - 1, parts=_("; ").join(parts)
    )


def per_step(result: Result, variant: RecurrentVariantName) -> float:
    """Mean over networks of the growth per step back."""
    return float(np.nanmean(result.per_step[[*map(str, result.variants)].index(variant)]))


def slows_the_decay(result: Result) -> bool:
    """Whether the opening shows what the answer and the text say.

    At γ = 1 more is kept than without a normalizer or with γ = 0.1, which keeps somewhat more than √½ per step, and γ = 3 makes it
    grow; batch norm of the input only keeps less; the closed form, too low for batch norm, is nearer with the variances measured,
    and right for layer norm.
    """
    none, each_step, input_only = (per_step(result, name) for name in ("none", "batch_per_step", "batch_input_only"))
    growth = dict(zip(map(float, result.gammas), map(float, result.gamma_over_seeds.mean), strict=True))
    off = {row.quantity.text(): row.relative_difference for row in comparisons(result)}
    batch, layer = (f"growth per step back, {name}" for name in ("batch norm per step", "layer norm"))
    return (
        each_step > none > input_only
        and math.sqrt(0.5) < growth[0.1] < growth[1.0] < 1 < growth[3.0]
        and off[batch] > 0.02
        and abs(off[f"{batch}, with the slopes and variances measured"]) < off[batch] / 2
        and abs(off[layer]) < 0.05
    )


def headline(result: Result) -> dict[str, float]:
    """What arrives at the first step, relative to the last, and the growth per step for each γ, by the names the script prints."""
    over = result.relative
    numbers = {
        f"first_over_last_{variant}": float(over.mean[index, 0]) for index, variant in enumerate(result.variants)
    }
    for gamma, growth in zip(result.gammas, result.gamma_over_seeds.mean, strict=True):
        numbers[f"growth_gamma_{gamma:g}"] = float(growth)
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def table(result: Result) -> dict[str, NDArray[Any]]:
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
        "In a tanh cell it slows the decay at γ = 1; with a small γ less of the gradient is kept here, and a large "
        "one makes it grow. Batch norm of the input only does not help."
    ),
    finding=finding,
    holds=slows_the_decay,
    settings=Settings,
    run=run,
    controls=("cell", "gamma", "batch_size", "width", "sequence", "seeds"),
    more=("seed",),
    pictures=(figures.gradient, figures.gammas),
    theory=(figures.growth,),
    comparisons=comparisons,
    presets=(
        Preset(
            "tanh_gamma_1",
            N_("tanh, γ = 1"),
            N_(
                "Without a normalizer every step back leaves 0.57 of the gradient; with batch norm per step about "
                "0.9 is left each time."
            ),
            {},
            lambda result: (
                abs(per_step(result, "none") - 0.57) < 0.03 and abs(per_step(result, "batch_per_step") - 0.9) < 0.06
            ),
        ),
        Preset(
            "gamma_0_1",
            N_("γ = 0.1"),
            N_(
                "Cooijmans' proposal, which is said to keep the gradient: here it keeps less than γ = 1. Half of what "
                "a step passes on comes from the input, where no gradient goes back."
            ),
            {"gamma": 0.1},
            lambda result: more_kept(result) == ONE,
        ),
        Preset(
            "gamma_3",
            N_("γ = 3"),
            N_(
                "The other end: the gradient grows on its way back, although tanh is saturated. Batch norm divides by "
                "the spread of the state, which stays below 1, and multiplies by 3."
            ),
            {"gamma": 3.0},
            lambda result: per_step(result, "batch_per_step") > 1,
        ),
        Preset(
            "lstm",
            N_("LSTM"),
            N_(
                "No closed form here. Which step back costs most without a normalizer? The output gate and the "
                "tanh stand in the way."
            ),
            {"cell": "lstm"},
        ),
        Preset(
            "with_64_pixels",
            N_("64 pixels"),
            N_(
                "The first pixels are blank in nearly every image: the state hardly varies there, batch norm divides "
                "by almost 0, and the gradient explodes."
            ),
            {"sequence": "pixels", "width": 64, "seeds": 3},
            lambda result: float(np.nanmax(result.growth[list(result.variants).index("batch_per_step")])) > 10,
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_("Fewer samples per statistic: how far does batch norm per step leave the closed form? And layer norm?"),
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
