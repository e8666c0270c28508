"""Running statistics of batch normalization: what they tend to, how fast, and how noisy they stay.

Index letters: t batches seen (0 is the fresh layer; `numpy.inf` gives the steady state), m samples per batch,
T length of a recorded run. PyTorch feeds the running variance with the *unbiased* batch variance, although it
normalizes with the *biased* one (https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, above, at_least

Momentum = float | Literal["cumulative"]


def _newest_weight(momentum: Momentum) -> float | None:
    """The constant weight of the newest batch, or None for the cumulative average."""
    if momentum == "cumulative":
        return None
    try:
        alpha = float(momentum)
    except (TypeError, ValueError):
        alpha = math.nan
    if not 0 < alpha <= 1:
        raise ValueError(f'momentum must be in (0, 1] or "cumulative"; got {momentum!r}')
    return alpha


def _constant_weight(momentum: Momentum) -> float:
    alpha = _newest_weight(momentum)
    if alpha is None:
        raise ValueError('momentum "cumulative" has no constant weight: it weighs all batches alike')
    return alpha


def pytorch_momentum(momentum: Momentum) -> float | None:
    """The value to hand to `nn.BatchNorm1d(momentum=...)`: the number itself, or None for "cumulative".

    Raises: ValueError unless momentum is in (0, 1] or "cumulative". Source: PyTorch nn.BatchNorm1d.
    """
    return _newest_weight(momentum)


def keras_momentum(momentum: Momentum) -> float:
    """Keras' momentum, the weight of the *old* running value: 1 − momentum.

    Raises: ValueError outside (0, 1] and for "cumulative", which Keras does not offer.
    Source: https://keras.io/api/layers/normalization_layers/batch_normalization/
    """
    return 1.0 - _constant_weight(momentum)


def initial_weight(momentum: Momentum, t: ArrayLike) -> FloatArray:
    """Weight that the initial value (mean 0, variance 1) still has after t batches, shape of t.

    (1 − α)^t; for "cumulative" 1 at t = 0 and 0 after the first batch.
    Raises: ValueError for negative t or an impossible momentum. Source: PyTorch nn.BatchNorm1d; algebra.
    """
    alpha = _newest_weight(momentum)
    return (1.0 - (1.0 if alpha is None else alpha)) ** at_least("t", t, 0)


def batch_weights(momentum: Momentum, t: int) -> FloatArray:
    """Weight of each of the t batches seen in the running statistic, oldest first, shape (t,).

    α(1 − α)^(t − i) for batch i = 1…t; 1/t each for "cumulative". With `initial_weight` they sum to 1.
    Raises: ValueError for negative t or an impossible momentum. Source: PyTorch nn.BatchNorm1d; algebra.
    """
    at_least("t", t, 0)
    alpha = _newest_weight(momentum)
    if alpha is None:
        return np.full(t, 1.0 / max(t, 1))
    return alpha * (1.0 - alpha) ** np.arange(t - 1, -1, -1, dtype=np.float64)


def squared_weights(momentum: Momentum, t: ArrayLike) -> FloatArray:
    """Sum of the squared batch weights after t batches, shape of t: how much of a batch's noise is left.

    α/(2 − α)·(1 − (1 − α)^{2t}); 1/t for "cumulative"; 0 at t = 0.
    Raises: ValueError for negative t or an impossible momentum. Source: algebra.
    """
    steps = at_least("t", t, 0)
    alpha = _newest_weight(momentum)
    if alpha is None:
        return np.where(steps > 0, 1.0 / np.maximum(steps, 1.0), 0.0)[()]
    return alpha / (2.0 - alpha) * (1.0 - (1.0 - alpha) ** (2.0 * steps))


def expected_mean(momentum: Momentum, t: ArrayLike, mean: ArrayLike, initial: float = 0.0) -> FloatArray:
    """Expected running mean after t batches from a population with that mean, broadcast shape.

    Raises: ValueError for negative t or an impossible momentum. Source: PyTorch nn.BatchNorm1d; algebra.
    """
    left = initial_weight(momentum, t)
    return np.asarray(mean, dtype=np.float64) * (1.0 - left) + initial * left


def expected_var(momentum: Momentum, t: ArrayLike, var: ArrayLike, initial: float = 1.0) -> FloatArray:
    """Expected running variance (an average of unbiased batch variances) after t batches, broadcast shape.

    Raises: ValueError for negative t, negative var or an impossible momentum. Source: as `expected_mean`.
    """
    return expected_mean(momentum, t, at_least("var", var, 0), initial)


def expected_trajectory(momentum: Momentum, targets: ArrayLike, initial: float) -> FloatArray:
    """Expected running statistic when the truth itself moves: (T,) true values, one per batch, give (T + 1,).

    Entry 0 is `initial`, entry i the expectation after batch i.
    Raises: ValueError for an impossible momentum or targets that are not one row. Source: PyTorch nn.BatchNorm1d.
    """
    alpha = _newest_weight(momentum)
    truth = np.asarray(targets, dtype=np.float64)
    if truth.ndim != 1:
        raise ValueError(f"targets must have shape (T,); got {truth.shape}")
    expected = np.empty(truth.size + 1)
    expected[0] = initial
    for step, target in enumerate(truth, start=1):
        expected[step] = expected[step - 1] + (1.0 / step if alpha is None else alpha) * (target - expected[step - 1])
    return expected


def mean_variance(
    momentum: Momentum, t: ArrayLike, var: ArrayLike, m: ArrayLike, population: ArrayLike = math.inf
) -> FloatArray:
    """Variance of the running mean after t independently drawn batches of m, broadcast shape.

    `squared_weights`·σ²/m; a finite `population` of N samples, each batch drawn without replacement, multiplies by
    `finite_population_factor` (var is then the population's own variance, divided by N).
    Raises: ValueError for t < 0, var < 0, m < 1, m > N. Source: algebra; PyTorch nn.BatchNorm1d.
    """
    batch = at_least("var", var, 0) / at_least("m", m, 1) * finite_population_factor(m, population)
    return squared_weights(momentum, t) * batch


def var_variance(
    momentum: Momentum, t: ArrayLike, var: ArrayLike, m: ArrayLike, excess_kurtosis: ArrayLike = 0.0
) -> FloatArray:
    """Variance of the running variance after t independent batches of m, broadcast shape.

    `squared_weights`·σ⁴·(2/(m − 1) + κ/m); κ = 0 is the Gaussian case α/(2 − α)·2σ⁴/(m − 1) as t grows.
    Raises: ValueError for t < 0, var < 0, m < 2 or κ < −2. Source: algebra.
    """
    size = at_least("m", m, 2)
    kurtosis = at_least("excess_kurtosis", excess_kurtosis, -2)
    return squared_weights(momentum, t) * at_least("var", var, 0) ** 2 * (2.0 / (size - 1.0) + kurtosis / size)


def finite_population_factor(m: ArrayLike, population: ArrayLike) -> FloatArray:
    """(N − m)/(N − 1): what drawing m of N samples without replacement multiplies the variance of their mean by.

    `population` may be `numpy.inf` (factor 1). Raises: ValueError for m < 1, N < 2, m > N.
    Source: finite-population correction; algebra.
    """
    size, total = np.broadcast_arrays(at_least("m", m, 1), at_least("population", population, 2))
    if np.any(size > total):
        raise ValueError(f"m must be at most the population; got {m!r} of {population!r}")
    finite = np.where(np.isinf(total), 2.0, total)
    return np.where(np.isinf(total), 1.0, (finite - size) / (finite - 1.0))[()]


def unbiased_var(var: ArrayLike, count: ArrayLike) -> FloatArray:
    """Unbiased variance n/(n − 1)·var from a biased one over n samples; broadcast shape.

    Also the expectation of the unbiased variance of a batch drawn without replacement from n samples whose own
    (biased) variance is `var`. Raises: ValueError for var < 0 or n < 2. Source: Bessel's correction.
    """
    size = at_least("count", count, 2)
    return at_least("var", var, 0) * size / (size - 1.0)


def eval_error(
    mean_bias: ArrayLike,
    mean_variance: ArrayLike,
    expected_var: ArrayLike,
    var_variance: ArrayLike,
    var: ArrayLike,
    eps: ArrayLike,
) -> FloatArray:
    """RMS difference of output normalized with noisy running statistics from output normalized with the truth.

    With v = `expected_var` + ε: σ²(v^−½ − (σ² + ε)^−½)² + σ²·`var_variance`/(4v³) + (`mean_bias`² + `mean_variance`)/v,
    square root of it; `mean_bias` is expected running mean minus truth, `var` = σ² the true variance, broadcast shape.
    First order in the noise of the running variance, so too small where that noise is comparable with the variance.
    Raises: ValueError for a negative variance or eps. Source: delta method.
    """
    true_var = at_least("var", var, 0)
    added = at_least("eps", eps, 0)
    used = at_least("expected_var", expected_var, 0) + added
    scale = true_var * (used**-0.5 - (true_var + added) ** -0.5) ** 2
    noise = true_var * at_least("var_variance", var_variance, 0) / (4.0 * used**3)
    offset = (np.asarray(mean_bias, dtype=np.float64) ** 2 + at_least("mean_variance", mean_variance, 0)) / used
    return np.sqrt(scale + noise + offset)


def steps_to(momentum: Momentum, p: float) -> int:
    """Batches until the initial value weighs p or less: ⌈ln p / ln(1 − α)⌉; 1 for momentum 1 and "cumulative".

    Raises: ValueError unless 0 < p < 1, or for an impossible momentum. Source: algebra.
    """
    above("p", p, 0)
    above("1 - p", 1.0 - p, 0)
    alpha = _newest_weight(momentum)
    if alpha is None or alpha == 1:
        return 1
    exact = math.log(p) / math.log1p(-alpha)
    # A quotient of logarithms that ought to be whole comes out a few ulp off, and ceil would then add a step.
    nearest = round(exact)
    return max(1, nearest if math.isclose(exact, nearest, rel_tol=1e-12) else math.ceil(exact))


def time_constant(momentum: Momentum) -> float:
    """Batches in which the weight of the past falls by e: −1/ln(1 − α); 0 for momentum 1.

    Raises: ValueError for an impossible momentum or "cumulative" (not exponential). Source: algebra.
    """
    alpha = _constant_weight(momentum)
    return 0.0 if alpha == 1 else -1.0 / math.log1p(-alpha)


def half_life(momentum: Momentum) -> float:
    """Batches in which the weight of the past halves: ln ½ / ln(1 − α); 0 for momentum 1.

    Raises: as `time_constant`. Source: algebra.
    """
    return math.log(2.0) * time_constant(momentum)


def drift_lag(momentum: Momentum, drift: ArrayLike, t: ArrayLike = math.inf) -> FloatArray:
    """How far the running mean stays behind a mean that moves by `drift` per batch, broadcast shape.

    d(1 − α)/α once the start is forgotten; for "cumulative", which never forgets, d(t − 1)/2 after t batches
    (infinite as t grows). Only "cumulative" uses t. Raises: ValueError for t < 1 or an impossible momentum.
    Source: algebra.
    """
    rate = np.asarray(drift, dtype=np.float64)
    steps = at_least("t", t, 1)
    alpha = _newest_weight(momentum)
    return rate * ((steps - 1.0) / 2.0 if alpha is None else (1.0 - alpha) / alpha)


def shared_module_weights(momentum: Momentum, steps: int) -> FloatArray:
    """Weights w_t of the per-step means μ_t in the running mean of one module reused over T = `steps` steps, (T,).

    α(1 − α)^{T − t}/(1 − (1 − α)^T), read after the last step of a sequence, many sequences on; 1/T each for
    "cumulative". Raises: ValueError for steps < 1 or an impossible momentum. Source: algebra.
    """
    at_least("steps", steps, 1)
    weights = batch_weights(momentum, steps)
    return weights / np.sum(weights)
