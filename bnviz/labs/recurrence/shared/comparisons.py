"""The lab `recurrence` measured against its closed forms, topic by topic."""

from __future__ import annotations

import math

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.recurrence.error.experiment import BATCHED, ErrorResult
from bnviz.labs.recurrence.steps.experiment import StepsResult
from bnviz.labs.recurrence.through_time.experiment import ThroughTimeResult
from bnviz.study.comparison import Comparison
from bnviz.theory.running import initial_weight

NAMES = {
    "none": N_("no normalizer"),
    "batch_per_step": N_("batch norm per step"),
    "batch_input_only": N_("batch norm, input only"),
    "layer": N_("layer norm"),
}


def of_steps(result: StepsResult) -> list[Comparison]:
    """What the shared module keeps, the weights of the steps, the fluctuation of the batch mean, and padding."""
    count, passes = result.settings.steps, result.passes
    rows = [
        Comparison(
            Phrase(N_("shared running mean: the steps' means by their weights")),
            result.shared_mean,
            result.shared_mean_theory,
            result.shared_mean_error,
        ),
        Comparison(
            Phrase(N_("shared running variance: the steps' variances by their weights")),
            result.shared_var,
            result.shared_var_theory,
            result.shared_var_error,
            Phrase(N_("the variance between the steps is not in it")),
        ),
        Comparison(Phrase(N_("weight of the first step")), float(result.weights[0]), float(result.weights_theory[0])),
        Comparison(
            Phrase(N_("weight of step {step}, the last"), {"step": count}),
            float(result.weights[-1]),
            float(result.weights_theory[-1]),
        ),
    ]
    seen = result.fluctuation[np.isfinite(result.fluctuation)]
    if seen.size:
        rows.append(
            Comparison(
                Phrase(N_("s.d. of the batch mean, in s.d. of the numbers")),
                float(np.sqrt((seen**2).mean())),
                result.fluctuation_theory,
                result.fluctuation_theory / math.sqrt(2 * (passes - 1)),
                _batch_alone(result),
            )
        )
    padded = result.padded
    for step in (place for place in (count // 2, count - 1) if math.isfinite(padded.var[place])):
        rows += [
            Comparison(
                Phrase(N_("running mean of W_x x at step {step}, padding included"), {"step": step + 1}),
                float(padded.mean[step]),
                float(padded.mean_theory[step]),
            ),
            Comparison(
                Phrase(N_("running variance of W_x x at step {step}, padding included"), {"step": step + 1}),
                float(padded.var[step]),
                float(padded.var_theory[step]),
            ),
        ]
    return rows


def _batch_alone(result: StepsResult) -> Phrase:
    """What the fluctuation's prediction supposes."""
    if result.settings.term == "hidden" and result.settings.normalizer in BATCHED:
        return Phrase(
            N_("does not hold here: batch norm has fixed the mean of what goes into the state, batch by batch")
        )
    return Phrase(N_("standard error as if units and steps moved together"))


def of_error(result: ErrorResult) -> list[Comparison]:
    """What is exact about shared statistics: the same training, T times as many updates, and what is left of the start."""
    done, count = int(result.steps[-1]), result.settings.steps
    place = {variant: result.variants.index(variant) for variant in BATCHED}
    per_step, shared = place["batch_per_step"], place["batch_shared"]
    gap = result.batch_error[shared] - result.batch_error[per_step]
    return [
        Comparison(
            Phrase(N_("updates of each module's running statistics, one module per step")),
            float(result.updates[per_step]),
            float(done),
        ),
        Comparison(
            Phrase(N_("updates of each module's running statistics, one shared module")),
            float(result.updates[shared]),
            float(done * count),
        ),
        Comparison(
            Phrase(N_("weight of the initial value in the running statistics, one module per step")),
            float(result.left_over[-1]),
            float(initial_weight(result.settings.momentum, done)),
        ),
        Comparison(
            Phrase(N_("error with the test images' own statistics, shared − per step")),
            float(np.nanmean(gap)) if np.isfinite(gap).any() else math.nan,
            0.0,
            note=Phrase(N_("training mode does not look at running statistics: both are the same network")),
        ),
    ]


def of_through_time(result: ThroughTimeResult) -> list[Comparison]:
    """Growth of the gradient per step back in time, by both closed forms; and shared against per step."""
    rows = []
    if result.settings.cell == "rnn":
        for index, variant in enumerate(result.variants):
            rows += _growth(result, index, variant)
    rows.append(
        Comparison(Phrase(N_("gradient with shared statistics − per step, relative to the largest")), result.same, 0.0)
    )
    return rows


def _growth(result: ThroughTimeResult, index: int, variant: str) -> list[Comparison]:
    """Geometric mean over all steps, measured on S networks."""
    values = result.per_step[index]
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return []
    measured, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    rows = []
    name = Phrase(NAMES[variant])
    for theory, words, note in (
        (result.growth_theory, N_("growth per step back, {variant}"), _assumption(variant)),
        (result.growth_unequal, N_("growth per step back, {variant}, with the slopes and variances measured"), None),
    ):
        factors = theory[index]
        if np.isfinite(factors).all() and (factors > 0).all():
            predicted = float(np.exp(np.log(factors).mean()))
            rows.append(Comparison(Phrase(words, {"variant": name}), measured, predicted, error, note))
    return rows


def _assumption(variant: str) -> Phrase | None:
    if variant == "none":
        return None
    return Phrase(N_("supposes that all units vary alike; digits vary in few directions, so that they do not"))
