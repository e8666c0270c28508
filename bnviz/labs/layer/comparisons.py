"""The lab `layer` compared with theory: one row per closed form that applies to the chosen channel."""

from __future__ import annotations

import math
from typing import Final, get_args

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.layer.result import Floats, Result
from bnviz.labs.layer.settings import SMALL_EPS
from bnviz.settings import Activation, Parameter
from bnviz.study.comparison import ROUNDING, Comparison
from bnviz.theory import activations, noise, output_law, running

SWALLOWED: Final = 0.01
"""Rounding error of x̂, in standard deviations, beyond which float32 has lost the differences and nothing is judged."""
FLOAT32: Final = 2.0**-24  # largest relative error of rounding one number
STRAINED: Final = 4  # how many times its rounding a float32 number may be off
ENOUGH: Final = 10  # batches from which a standard error is estimated
ACTIVATION_NAMES: Final = next(part.names for part in get_args(Activation) if isinstance(part, Parameter))
LARGE_BATCH: Final = 16  # values from which the large-batch moments after an activation are shown


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """Measured against predicted, for the chosen channel over the run.

    Standard errors come from the scatter between batches or from the closed form with the population's variance.
    Where a prediction assumes Gaussian input and the input is not, the note says so and the row may be unexplained.
    """
    if rounding_error(result) > SWALLOWED:
        return ()
    rows = [*_normalized_rows(result), *_law_rows(result), *_activation_rows(result), *_running_rows(result)]
    return tuple(rows)


def rounding_error(result: Result) -> float:
    """Error that float32 leaves in x̂: that of rounding a typical input, in units of the standard deviation used."""
    c = result.settings.channel
    spread = np.sqrt(result.used_var[:, c] + result.settings.eps)
    size = np.abs(result.batch_mean[:, c]) + result.stage_std["input"][:, c]
    return float((FLOAT32 * size / spread).max())


def _normalized_rows(result: Result) -> list[Comparison]:
    settings, c = result.settings, result.settings.channel
    mean, var = result.stage_mean["normalized"][:, c], result.stage_std["normalized"][:, c] ** 2
    rounding = rounding_error(result)
    if result.statistics_source == "running":
        divisor = result.used_var[:, c] + settings.eps
        moved = (result.batch_mean[:, c] - result.used_mean[:, c]) / np.sqrt(divisor)
        mean_name = Phrase(N_("Mean of x̂ over the run: (μ − running mean)/√(running variance + ε)"))
        var_name = Phrase(N_("Variance of x̂ in each batch, averaged: σ²/(running variance + ε)"))
        return [
            _exact(mean_name, mean, moved, rounding),
            _exact(var_name, var, result.batch_var[:, c] / divisor, rounding),
        ]
    bound = float(output_law.output_bound(result.values_per_statistic))
    predicted = np.asarray(noise.output_variance(result.batch_var[:, c], settings.eps))
    largest = Phrase(N_("Largest |x̂| beyond the bound √(n − 1) = {bound}"), {"bound": f"{bound:.3g}"})
    return [
        _exact(Phrase(N_("Mean of x̂ in each batch, averaged")), mean, np.zeros(1), rounding),
        _exact(Phrase(N_("Variance of x̂ in each batch, averaged: σ²/(σ² + ε)")), var, predicted, rounding),
        Comparison(largest, max(result.normalized_largest - bound, 0.0), 0.0, allowance=STRAINED * bound * rounding),
    ]


def _exact(quantity: Phrase, measured: Floats, predicted: Floats, rounding: float) -> Comparison:
    """A row that holds up to float32, which large numbers with a small spread strain: `rounding` is allowed for then."""
    at, to = float(measured.mean()), float(predicted.mean())
    allowed = STRAINED * rounding * max(1.0, abs(to))
    return Comparison(quantity, at, to, allowance=allowed if allowed > ROUNDING else 0.0)


def _between_batches(values: Floats) -> float:
    """Standard error of the mean of T batches' values."""
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _law_rows(result: Result) -> list[Comparison]:
    settings, c = result.settings, result.settings.channel
    variance = result.stage_std["normalized"][:, c] ** 2
    if not _independent(result) or variance.min() == 0:
        return []
    # ε makes x̂ a little smaller than the law has it; dividing by the variance that it left takes that back.
    fourth = result.normalized_fourth / variance**2
    predicted = float(output_law.output_fourth_moment(result.values_per_statistic))
    quantity = Phrase(N_("Mean of x̂⁴ for Gaussian input, ε aside: 3(n − 1)/(n + 1)"))
    note = None if settings.batch_size <= 3 else _gaussian_note(result)
    return [Comparison(quantity, float(fourth.mean()), predicted, _between_batches(fourth), note)]


def _independent(result: Result) -> bool:
    """Whether x̂ has the law of batch statistics over independent values, with batches enough to know the scatter."""
    settings = result.settings
    return result.statistics_source == "batch" and settings.layer == "linear" and settings.steps >= ENOUGH


def _gaussian_note(result: Result) -> Phrase | None:
    notes = {
        "gaussian": None,
        "digits": Phrase(N_("assumes Gaussian input; a sum over 64 pixels is only nearly Gaussian")),
        "upload": Phrase(N_("assumes Gaussian input; your data need not be")),
    }
    return notes.get(result.settings.source, Phrase(N_("assumes Gaussian input; this one is not")))


def _activation_rows(result: Result) -> list[Comparison]:
    settings, c, n = result.settings, result.settings.channel, result.values_per_statistic
    gamma, beta = (settings.gamma, settings.beta) if settings.affine else (1.0, 0.0)
    small_eps = settings.eps <= SMALL_EPS * float(result.used_var[:, c].min())
    if not _independent(result) or not small_eps or settings.activation == "identity" or n == 2:
        return []
    note = _gaussian_note(result)
    if settings.activation == "relu" and (gamma, beta) == (1.0, 0.0):
        mean, var = (float(moment) for moment in noise.relu_moments(n))
    elif n >= LARGE_BATCH:
        large = activations.moments_after(settings.activation, gamma, beta)
        mean, var = large.mean, large.variance
        percent = f"{100 / n:.1g}"
        note = note or Phrase(
            N_("of large batches; batches of {n} differ by about {percent} %"), {"n": n, "percent": percent}
        )
    else:
        return []
    means, stds = result.stage_mean["output"][:, c], result.stage_std["output"][:, c]
    # The variance is taken around the mean of the law, which all batches share.
    squares = stds**2 + (means - mean) ** 2
    mean_name, var_name = N_("Mean after {activation}"), N_("Variance after {activation}")
    name = {"activation": ACTIVATION_NAMES[settings.activation]}
    return [
        Comparison(Phrase(mean_name, name), float(means.mean()), mean, _between_batches(means), note),
        Comparison(Phrase(var_name, name), float(squares.mean()), var, _between_batches(squares), note),
    ]


def _running_rows(result: Result) -> list[Comparison]:
    settings, c, expected = result.settings, result.settings.channel, result.forecast
    if not settings.track_running_stats:
        return []
    updates = result.batches_before + (settings.steps if settings.mode == "train" else 0)
    mean, var = float(result.running_mean[-1, c]), float(result.running_var[-1, c])
    count = {"count": updates}
    if updates == 0:
        return [
            Comparison(Phrase(N_("Running mean, never updated")), mean, 0.0),
            Comparison(Phrase(N_("Running variance, never updated")), var, 1.0),
        ]
    rows = [
        Comparison(
            Phrase(N_("Running mean after {count} batches"), count),
            mean,
            float(expected.mean[-1]),
            float(expected.mean_std[-1]),
            allowance=STRAINED * FLOAT32 * abs(mean),
        )
    ]
    scatter = _running_var_error(result, updates)
    if scatter is not None:
        quantity = Phrase(N_("Running variance after {count} batches (fed with the unbiased variance)"), count)
        rows.append(Comparison(quantity, var, float(expected.var[-1]), scatter))
    return rows


def _running_var_error(result: Result, updates: int) -> float | None:
    """Standard deviation of the running variance: closed form for independent values, else from the shown batches."""
    settings, population = result.settings, result.population
    if population.excess_kurtosis is not None and settings.batch_size >= 2:
        found = running.var_variance(
            settings.momentum, updates, population.var, settings.batch_size, population.excess_kurtosis
        )
        return math.sqrt(float(found))
    if settings.steps < ENOUGH:
        return None
    between = float(result.batch_var[:, settings.channel].std(ddof=1))
    return between * math.sqrt(float(running.squared_weights(settings.momentum, updates)))
