"""The lab `running_stats` measured against its closed forms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.running_stats.result import Result
from bnviz.settings import MomentumValue
from bnviz.study.comparison import STANDARD_ERRORS, Comparison
from bnviz.theory import running

FORGOTTEN: Final = 1e-3  # a start that weighs less than this may be left out of a formula for the steady state
ENOUGH: Final = 10  # replicas below which a standard deviation says too little to be compared
WHOLE: Final = 2.0  # batches: what a count may be off by, as the average over replicas passes a bound now before, now after its expectation
FLOAT32: Final = 2.0**-24


def comparisons(result: Result) -> list[Comparison]:
    """Every closed form of the lab beside its measurement.

    Standard errors come from R independent replicas: s/√R for an average, s·√((2 + excess kurtosis)/(4(R − 1))) for a
    standard deviation s, with the closed form's s. A crossing is uncertain by the noise over the slope there.
    """
    rows: list[Comparison] = []
    for index, momentum in enumerate(result.settings.compared):
        rows += _statistics(result, index, momentum)
        rows += _steps(result, index, momentum)
        rows += _lag(result, index, momentum)
    rows.append(_bessel(result))
    if math.isfinite(result.population_size):
        rows.append(_finite_population(result))
    return rows


def _statistics(result: Result, index: int, momentum: MomentumValue) -> Iterator[Comparison]:
    """Average and scatter over replicas of running mean and variance after the last batch."""
    name = {"momentum": _name(momentum), "steps": result.settings.steps}
    replicas = result.settings.replicas
    mean_std, var_std = result.expected_mean_std[index, -1], result.expected_var_std[index, -1]
    yield Comparison(
        Phrase(N_("running mean after {steps} batches, momentum {momentum}"), name),
        float(result.mean_spread.average[index, -1]),
        float(result.expected_mean[index, -1]),
        float(mean_std) / math.sqrt(replicas),
    )
    yield Comparison(
        Phrase(N_("running variance after {steps} batches, momentum {momentum}"), name),
        float(result.var_spread.average[index, -1]),
        float(result.expected_var[index, -1]),
        float(var_std) / math.sqrt(replicas),
    )
    if replicas >= ENOUGH:
        weights = running.batch_weights(momentum, result.settings.steps)
        peak = float((weights**4).sum() / (weights**2).sum() ** 2)
        size, finite = result.settings.batch_size, math.isfinite(result.population_size)
        yield Comparison(
            Phrase(N_("s.d. of the running mean, momentum {momentum}"), name),
            float(result.noise[index]),
            float(mean_std),
            _std_error(float(mean_std), peak * result.excess_kurtosis / size, replicas),
        )
        yield Comparison(
            Phrase(N_("s.d. of the running variance, momentum {momentum}"), name),
            float(result.running_var[index, -1].std(ddof=1, dtype=np.float64)),
            float(var_std),
            _std_error(float(var_std), peak * 12 / (size - 1), replicas),
            Phrase(N_("right to the order m/N")) if finite else None,
        )


def _name(momentum: MomentumValue) -> Phrase | float:
    return Phrase(N_("cumulative")) if isinstance(momentum, str) else momentum


def _std_error(std: float, excess_kurtosis: float, replicas: int) -> float:
    return std * math.sqrt(max(2 + excess_kurtosis, 0.5) / (4 * (replicas - 1)))


def _steps(result: Result, index: int, momentum: MomentumValue) -> Iterator[Comparison]:
    """Batches until within 5 % and 1 %, where the run gets there and noise leaves the count a meaning."""
    if momentum in {"cumulative", 1}:
        return
    for share, label, measured, predicted in (
        (0.05, "5 %", result.steps_to_5pct, result.steps_to_5pct_theory),
        (0.01, "1 %", result.steps_to_1pct, result.steps_to_1pct_theory),
    ):
        count = float(predicted[index])
        if math.isnan(measured[index]) or count > result.settings.steps:
            continue
        noise = float(result.expected_mean_std[index, int(count)]) / math.sqrt(result.settings.replicas)
        slope = abs(result.population_mean) * share / running.time_constant(momentum)
        error = noise / slope if slope else math.inf
        if WHOLE + STANDARD_ERRORS * error < count:
            name = {"share": label, "momentum": _name(momentum)}
            yield Comparison(
                Phrase(N_("batches to within {share}, momentum {momentum}"), name),
                float(measured[index]),
                count,
                error,
                allowance=WHOLE,
            )


def _lag(result: Result, index: int, momentum: MomentumValue) -> Iterator[Comparison]:
    """How far the running mean stays behind a ramp, once the start of the ramp is forgotten."""
    ramp = result.settings.steps - result.settings.disturbance_at
    if not result.drift or momentum == "cumulative" or running.initial_weight(momentum, ramp) > FORGOTTEN:
        return
    yield Comparison(
        Phrase(N_("lag behind the ramp, d(1 − α)/α, momentum {momentum}"), {"momentum": _name(momentum)}),
        float(result.truth_mean[-1] - result.mean_spread.average[index, -1]),
        float(running.drift_lag(momentum, result.drift)),
        float(result.expected_mean_std[index, -1]) / math.sqrt(result.settings.replicas),
        allowance=FORGOTTEN * abs(result.population_mean),
    )


def _bessel(result: Result) -> Comparison:
    """What the first batch fed into the running variance, over the biased variance that normalized that batch."""
    momentums = result.settings.compared
    weights = [1.0 - float(running.initial_weight(momentum, 1)) for momentum in momentums]
    index = int(np.argmax(weights))
    weight = weights[index]
    fed = (result.running_var[index, 1].astype(np.float64) - (1 - weight)) / weight
    biased = result.batch_var[0].astype(np.float64)
    size = result.settings.batch_size
    return Comparison(
        Phrase(N_("variance fed to the running variance over the variance that normalized, m/(m − 1)")),
        float(fed.sum() / biased.sum()),
        size / (size - 1),
        # Undoing the update magnifies float32's rounding by 1/α.
        allowance=4 * FLOAT32 * (1 + float(biased.mean())) / (weight * float(biased.mean())),
    )


def _finite_population(result: Result) -> Comparison:
    """Variance of all batch means around the truth, over σ²/m."""
    size, draws = result.settings.batch_size, result.batch_mean.size
    scatter = np.square(result.batch_mean - result.truth_mean[1:, None]).mean() * size / result.population_var
    factor = float(running.finite_population_factor(size, result.population_size))
    return Comparison(
        Phrase(N_("variance of a batch mean over σ²/m: (N − m)/(N − 1), drawn without repeats")),
        float(scatter),
        factor,
        factor * math.sqrt(max(2 + result.excess_kurtosis / size, 0.5) / draws),
    )
