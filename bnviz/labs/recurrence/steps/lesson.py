"""The topic `steps` of the lab `recurrence`: statistics differ from time step to time step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.recurrence.shared.sources import BATCH_NORM, COOIJMANS, PADDED, RNN_MODULES
from bnviz.labs.recurrence.steps import figures
from bnviz.labs.recurrence.steps.comparisons import comparisons
from bnviz.labs.recurrence.steps.experiment import run
from bnviz.labs.recurrence.steps.formula import formula
from bnviz.labs.recurrence.steps.result import Result
from bnviz.labs.recurrence.steps.script import script
from bnviz.labs.recurrence.steps.settings import Settings
from bnviz.plot.numbers import alike
from bnviz.teaching.lab import InstantTopic, Prediction, Preset
from bnviz.teaching.sources import DIGITS

FIRST, ALIKE, LAST = range(3)


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` has an effect now."""
    if name == "gamma":
        return settings.normalizer != "none"
    return name != "learning_rate" or settings.warmup > 0


def heaviest(result: Result) -> int:
    """Which option of the prediction is right: whose weight is the largest in the shared running mean."""
    first, last = result.weights_theory[[0, -1]]
    if np.isclose(first, last):
        return ALIKE
    return LAST if last > first else FIRST


def finding(result: Result, language: Language = "en") -> str:
    """How far the steps lie apart, beside the noise of the batch, and whose statistics a shared module keeps."""
    _ = translator(language)
    seen = result.fluctuation[np.isfinite(result.fluctuation)]
    drift, noise = alike(  # training amplifies rounding: no more digits hold
        result.drift, float(np.sqrt((seen**2).mean())) if seen.size else math.nan, digits=1
    )
    last, first = alike(100 * float(result.weights[-1]), 100 * float(result.weights[0]))
    text = _("From step to step the mean moves by {drift} standard deviations, from batch to batch by {noise}.").format(
        drift=drift, noise=noise
    )
    return (
        text
        + " "
        + _("In a shared module the last step weighs {last} %, the first {first} %.").format(last=last, first=first)
    )


def moves_more(result: Result) -> bool:
    """Whether the opening shows what the answer says.

    The mean moves at least twice as far from step to step as from batch to batch; in the shared module the last step weighs most,
    and it misses most steps.
    """
    seen = result.fluctuation[np.isfinite(result.fluctuation)]
    return result.drift > 2 * float(np.sqrt((seen**2).mean())) and heaviest(result) == LAST and misses(result) > 0.75


def misses(result: Result) -> float:
    """The share of the steps from whose mean or standard deviation the shared module's is off by more than a batch's is."""
    off = abs(result.shared_mean - result.mean) > result.batch_mean.std(axis=0)
    deviation = np.sqrt(result.batch_var)
    wide = abs(math.sqrt(result.shared_var) - np.sqrt(result.var)) > deviation.std(axis=0)
    return float((off | wide).mean())


def headline(result: Result) -> dict[str, float]:
    """The numbers by the names that the script prints."""
    padded = result.padded
    step = int(np.flatnonzero(np.isfinite(padded.var))[-1]) if np.isfinite(padded.var).any() else 0
    return {
        "unit": float(result.unit),
        "drift": result.drift,
        "fluctuation": float(result.fluctuation[-1]),
        "shared_mean": result.shared_mean,
        "shared_var": result.shared_var,
        "weight_first": float(result.weights[0]),
        "weight_last": float(result.weights[-1]),
        "padded_share": float(padded.share[step]),
        "padded_var": float(padded.var[step]),
        "real_var": float(padded.real_var[step]),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per time step."""
    padded = result.padded
    return {
        "time_step": np.arange(1, result.settings.steps + 1),
        "mean": result.mean,
        "var": result.var,
        "batch_mean_sd": result.batch_mean.std(axis=0),
        "running_mean": result.running_mean,
        "running_var": result.running_var,
        "weight": result.weights,
        "weight_theory": result.weights_theory,
        "fluctuation": result.fluctuation,
        "handed_mean_per_step": result.handed_mean[0],
        "handed_mean_shared": result.handed_mean[1],
        "handed_sd_per_step": result.handed_deviation[0],
        "handed_sd_shared": result.handed_deviation[1],
        "padded_share": padded.share,
        "padded_mean": padded.mean,
        "padded_var": padded.var,
        "real_mean": padded.real_mean,
        "real_var": padded.real_var,
        "padded_mean_theory": padded.mean_theory,
        "padded_var_theory": padded.var_theory,
    }


TOPIC: Final = InstantTopic(
    lab="recurrence",
    name="steps",
    folder=Path(__file__).parent,
    title=N_("Time steps"),
    question=N_("Do all time steps have the same mean and variance?"),
    answer=N_(
        "No. From step to step the mean moves several times as much as from batch to batch. A module that is "
        "shared by all steps keeps one mean and one variance, in which the last steps weigh most, and which fit "
        "hardly any step."
    ),
    finding=finding,
    holds=moves_more,
    settings=Settings,
    run=run,
    controls=("cell", "term", "batch_size", "momentum", "padding", "warmup"),
    more=("sequence", "normalizer", "gamma", "width", "learning_rate", "seed"),
    applies=applies,
    pictures=(figures.drift, figures.weights, figures.padding),
    theory=(figures.fluctuation, figures.handed_on),
    comparisons=comparisons,
    presets=(
        Preset(
            "with_4_epochs",
            N_("4 epochs"),
            N_(
                "At step 1 the state is 0 and W_h h does not vary at all; at the last step its standard deviation is "
                "much larger. The one shared line is wrong at nearly every step."
            ),
            {},
            lambda result: result.var[0] < 1e-12 and result.var[-1] > 0.01 and misses(result) > 0.75,
        ),
        Preset(
            "fresh_weights",
            N_("Fresh weights"),
            N_(
                "Before training W_h h is nearly a constant: its standard deviation is a few hundredths at most. How far apart "
                "are the steps by that small measure?"
            ),
            {"warmup": 0},
            lambda result: math.sqrt(float(result.var.max())) < 0.05,
        ),
        Preset(
            "momentum_0_5",
            N_("Momentum 0.5"),
            N_(
                "Half of what the shared module keeps is the last step's, and the first four together weigh a "
                "sixteenth."
            ),
            {"momentum": 0.5},
            lambda result: (
                abs(float(result.weights[-1]) - 0.5) < 0.01 and abs(float(result.weights[:4].sum()) - 1 / 16) < 0.005
            ),
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "The dots spread four times as wide: 1/√4 instead of 1/√64. Statistics per step have only the batch "
                "to average over."
            ),
            {"batch_size": 4},
            lambda result: abs(float(np.nanmedian(result.fluctuation)) - 0.5) < 0.1,
        ),
        Preset(
            "mostly_padding",
            N_("Mostly padding"),
            N_(
                "See the third picture: towards the end nearly everything is padding. Which standard deviation does a module "
                "find there, and which with a mask?"
            ),
            {"padding": 0.6, "term": "input"},
        ),
        Preset(
            "with_64_pixels",
            N_("64 pixels"),
            N_(
                "One pixel at a time: the first pixels are blank in every image, so that nothing varies there. In the "
                "shared module the last twenty steps have nearly nine tenths of the weight."
            ),
            {"sequence": "pixels", "cell": "rnn", "warmup": 0, "term": "input"},
            lambda result: result.var[0] < 1e-9 and 0.85 < float(result.weights_theory[-20:].sum()) < 0.9,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "One nn.BatchNorm1d is called at every time step, from the first to the last, batch after batch. Whose "
            "mean weighs most in its running mean?"
        ),
        options=(N_("the first step's"), N_("all steps weigh alike"), N_("the last step's")),
        correct=heaviest,
        explanation=N_(
            "Every call brings in its batch with weight α and keeps 1 − α of what was there. The last step was "
            "called last: step t keeps α(1 − α)ᵀ⁻ᵗ. Only `momentum=None` weighs all alike."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(COOIJMANS, PADDED, BATCH_NORM, RNN_MODULES, DIGITS),
)
