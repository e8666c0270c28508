"""What the lab `running_stats` makes of the recorded buffers (M, T+1, R): averages, percentiles, histograms and errors."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bnviz.labs.running_stats.result import Floats, Spread
from bnviz.study.histogram import histogram

BINS: Final = 72


def over_replicas(values: NDArray[np.float32]) -> Spread:
    """`values` (M, T+1, R) over the replicas."""
    ordered = np.sort(values, axis=-1)  # np.quantile would take ten times as long
    return Spread(values.mean(axis=-1, dtype=np.float64), _quantile(ordered, 0.15), _quantile(ordered, 0.85))


def _quantile(ordered: NDArray[np.float32], share: float) -> Floats:
    """Linearly interpolated quantile along the last axis."""
    last = ordered.shape[-1] - 1
    below = int(share * last)
    low, high = ordered[..., below].astype(np.float64), ordered[..., min(below + 1, last)].astype(np.float64)
    value: Floats = low + (share * last - below) * (high - low)
    return value


def std_over_replicas(values: NDArray[np.float32]) -> Floats:
    """Standard deviation (M, T+1) of `values` (M, T+1, R), divisor R − 1; NaN for one replica."""
    if values.shape[-1] == 1:
        return np.full(values.shape[:-1], math.nan)
    std: Floats = values.std(axis=-1, ddof=1, dtype=np.float64)
    return std


def first_within(average: Floats, truth: float, share: float) -> Floats:
    """First batch (M,) at which `average` (M, t) is within `share`·|truth| of the truth; NaN where there is none."""
    reached = np.abs(average - truth) <= share * abs(truth)
    return np.where(reached.any(axis=1), reached.argmax(axis=1), math.nan)


def error_in_eval(
    running_mean: NDArray[np.float32], running_var: NDArray[np.float32], truth: Floats, var: float, eps: float
) -> Floats:
    """RMS (M, T+1) over population and replicas of (x − r)/√(v + ε) − (x − μ)/√(σ² + ε), x from the truth's population.

    The difference is linear in x, so the population's mean and variance give its RMS without any sample.
    """
    errors = np.empty(running_mean.shape[:-1])
    for mean, variance, error in zip(running_mean, running_var, errors, strict=True):
        scale = 1 / np.sqrt(variance.astype(np.float64) + eps)
        offset = (truth[:, None] - mean) * scale
        error[:] = np.sqrt((var * (scale - 1 / math.sqrt(var + eps)) ** 2 + offset**2).mean(axis=-1))
    return errors


def bins_of_means(
    running_mean: NDArray[np.float32], truth: Floats, expected: Floats, std: Floats
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Edges (K+1,), counts (M, T+1, K) of the replicas' running means, expected shares (M, T+1, K).

    The edges hold every running mean, the fresh layer's 0 among them, and the truth.
    """
    held = (running_mean.min(), running_mean.max(), truth.min(), truth.max())
    margin = 0.02 * max(float(max(held) - min(held)), 1e-9)
    low, high = float(min(held)) - margin, float(max(held)) + margin
    edges = np.linspace(low, high, BINS + 1)
    counts = np.empty((*expected.shape, BINS), dtype=np.int64)
    shares = np.empty(counts.shape)
    for index, values in enumerate(running_mean):
        counts[index] = histogram(values, low, high, BINS).counts
        spread = np.maximum(std[index], 1e-12)[:, None]
        below = ndtr((edges[1:-1] - expected[index][:, None]) / spread)
        shares[index, :, 0], shares[index, :, -1] = below[:, 0], 1 - below[:, -1]
        np.subtract(below[:, 1:], below[:, :-1], out=shares[index, :, 1:-1])
    return edges, counts, shares
