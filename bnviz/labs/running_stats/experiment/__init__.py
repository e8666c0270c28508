"""The lab `running_stats`: how fast the running statistics of `nn.BatchNorm1d` find the truth, and how noisy they stay.

Index letters: M momentums, T batches (index 0 of T + 1 is the fresh layer), m samples per batch, R replicas
(independent streams of batches, one BN channel each), N samples of the population, K bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor, nn

from bnviz.errors import BatchOfOneError
from bnviz.labs.running_stats.experiment.data import Floats, Population, make_batches, make_population, mean_shift
from bnviz.labs.running_stats.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.study.histogram import Histogram, histogram
from bnviz.theory import running

__all__ = ["Result", "Settings", "Spread", "run"]

BINS: Final = 48
CURVE: Final = tuple(float(alpha) for alpha in np.geomspace(0.001, 0.95, 16))

SECONDS: Final = 1.2
SAMPLES: Final = 16_000_000  # one visitor's batches in memory: 64 MB of float32


@dataclass(frozen=True, slots=True)
class Spread:
    """A running statistic over its replicas, each (M, T+1): average, and 15th and 85th percentile."""

    average: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """What the run measured and what the closed forms say; shapes by the module's index letters.

    - `running_mean`, `running_var` (M, T+1, R): the module's buffers after each batch; index 0 is (0, 1). PyTorch feeds
      the variance with the *unbiased* batch variance. `mean_spread`, `var_spread` summarize them over R.
    - `batch_mean`, `batch_var` (T, R): of each batch, the variance *biased* (what training normalizes with).
    - `population_mean`, `population_var` (divided by N), `population_size` (N; inf for `gaussian`) and
      `excess_kurtosis` of the undisturbed feature.
    - `truth_mean` (T+1,): the population's mean at each batch, the disturbance included. `truth_var`: what the running
      variance tends to, N/(N−1)·`population_var`. `drift`: movement of the mean per batch of a ramp, else 0.
    - `expected_mean`, `expected_mean_std`, `expected_var`, `expected_var_std` (M, T+1): closed forms; the last one is
      exact for `gaussian`, else right to the order m/N.
    - `steps_to_5pct`, `steps_to_1pct` (M,): the first batch after which the average over replicas is within 5 % (1 %)
      of the undisturbed truth, relative to the error at the start, |μ − 0|; NaN where that does not happen before the
      disturbance or the end. `…_theory` (M,): batches until the initial value weighs 5 % (1 %).
    - `replica_std` (M, T+1): standard deviation of the running mean over replicas, divisor R − 1; NaN for one replica.
      `noise`, `noise_theory` (M,): measured and closed form after the last batch.
    - `curve_steps`, `curve_noise`: closed forms of `steps_to_5pct` and `noise` for the momentums in between.
    - `eval_error`, `eval_error_theory` (M, T+1): RMS difference, over population and replicas, of the output in eval
      mode from the output normalized with the true moments; the theory is a first-order expansion.
    - `spread` counts (M, T+1, K): running means of the replicas, what lies beyond the edges counted in the end bins;
      `spread_share` and `spread_theory` (M, T+1, K): measured share of the replicas per bin, and expected share from a
      normal law with the expected mean and standard deviation.
    """

    settings: Settings
    running_mean: NDArray[np.float32]
    running_var: NDArray[np.float32]
    batch_mean: NDArray[np.float32]
    batch_var: NDArray[np.float32]
    mean_spread: Spread
    var_spread: Spread
    population_mean: float
    population_var: float
    population_size: float
    excess_kurtosis: float
    truth_mean: Floats
    truth_var: float
    drift: float
    expected_mean: Floats
    expected_mean_std: Floats
    expected_var: Floats
    expected_var_std: Floats
    steps_to_5pct: Floats
    steps_to_1pct: Floats
    steps_to_5pct_theory: Floats
    steps_to_1pct_theory: Floats
    replica_std: Floats
    curve_steps: Floats
    curve_noise: Floats
    eval_error: Floats
    eval_error_theory: Floats
    spread: Histogram
    spread_share: Floats
    spread_theory: Floats

    @property
    def noise(self) -> Floats:
        """Standard deviation of the running mean over replicas after the last batch, (M,)."""
        return self.replica_std[:, -1]

    @property
    def noise_theory(self) -> Floats:
        """Its closed form, (M,)."""
        return self.expected_mean_std[:, -1]


def run(settings: Settings) -> Result:
    """Feed the same batches to one `nn.BatchNorm1d` per momentum and record its buffers.

    Raises: CostError where the settings ask for too much, BatchOfOneError (PyTorch's own words) for batches of one.
    """
    _check_cost(settings)
    population = make_population(settings)
    shift, drift = mean_shift(settings, math.sqrt(population.var))
    batches = make_batches(settings, population, shift)
    running_mean, running_var = _record(settings, batches)
    batch_mean, batch_var = _batch_statistics(batches)

    truth = population.mean + np.concatenate(([0.0], shift))
    truth_var = population.unbiased_var
    steps = np.arange(settings.steps + 1)
    mean_noise, var_noise = _batch_noise(settings, population)
    left = np.sqrt([running.squared_weights(momentum, steps) for momentum in settings.momentums])
    mean_std, var_std = mean_noise * left, var_noise * left
    if shift.any():
        expected_mean = np.stack([running.expected_trajectory(a, truth[1:], 0.0) for a in settings.momentums])
    else:
        expected_mean = np.stack([running.expected_mean(a, steps, population.mean) for a in settings.momentums])
    expected_var = np.stack([running.expected_var(a, steps, truth_var) for a in settings.momentums])
    mean_spread = _spread(running_mean)
    still = settings.steps if settings.disturbance == "none" else min(settings.disturbance_at, settings.steps)
    approach = mean_spread.average[:, : still + 1]
    edges, spread, spread_theory = _spread_histograms(running_mean, truth, expected_mean, mean_std)
    return Result(
        settings=settings,
        running_mean=running_mean,
        running_var=running_var,
        batch_mean=batch_mean,
        batch_var=batch_var,
        mean_spread=mean_spread,
        var_spread=_spread(running_var),
        population_mean=population.mean,
        population_var=population.var,
        population_size=population.size,
        excess_kurtosis=population.excess_kurtosis,
        truth_mean=truth,
        truth_var=truth_var,
        drift=drift,
        expected_mean=expected_mean,
        expected_mean_std=mean_std,
        expected_var=expected_var,
        expected_var_std=var_std,
        steps_to_5pct=_first_within(approach, population.mean, 0.05),
        steps_to_1pct=_first_within(approach, population.mean, 0.01),
        steps_to_5pct_theory=np.array([float(running.steps_to(a, 0.05)) for a in settings.momentums]),
        steps_to_1pct_theory=np.array([float(running.steps_to(a, 0.01)) for a in settings.momentums]),
        replica_std=_replica_std(running_mean),
        curve_steps=np.array([-math.log(0.05) * running.time_constant(a) for a in CURVE]),
        curve_noise=mean_noise * np.sqrt([running.squared_weights(a, settings.steps) for a in CURVE]),
        eval_error=_eval_error(running_mean, running_var, truth, population.var, settings.eps),
        eval_error_theory=running.eval_error(
            expected_mean - truth, mean_std**2, expected_var, var_std**2, population.var, settings.eps
        ),
        spread=Histogram(edges, spread),
        spread_share=spread / settings.replicas,
        spread_theory=spread_theory,
    )


def _check_cost(settings: Settings) -> None:
    """Seconds and samples, from the machine of the README's table: calls, arithmetic, drawing, summaries."""
    size, length, replicas = settings.batch_size, settings.steps, settings.replicas
    calls, samples = len(settings.momentums) * length, length * size * replicas
    drawing = 15e-9 + 85e-12 * size if settings.source == "digits" else 10e-9
    seconds = calls * (30e-6 + 0.5e-9 * size * replicas + 0.15e-6 * replicas) + samples * drawing
    check_cost(max(seconds / SECONDS, samples / SAMPLES), 1.0, ("steps", "replicas", "batch_size"))


def _record(settings: Settings, batches: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Running mean and variance after each batch, both (M, T+1, R), from one real module per momentum."""
    shape = (len(settings.momentums), settings.steps + 1, settings.replicas)
    means, variances = np.empty(shape, np.float32), np.empty(shape, np.float32)
    steps = batches.unbind()
    with torch.inference_mode():
        for momentum, mean_rows, var_rows in zip(settings.momentums, means, variances, strict=True):
            module = nn.BatchNorm1d(
                settings.replicas, eps=settings.eps, momentum=running.pytorch_momentum(momentum), affine=False
            )
            # NumPy views of the module's own buffers: they follow its updates, and copying them costs next to nothing.
            mean, var = (buffer.numpy() for name, buffer in module.named_buffers() if name != "num_batches_tracked")
            mean_rows[0], var_rows[0] = mean, var
            try:
                for index, batch in enumerate(steps, start=1):
                    module(batch)
                    mean_rows[index], var_rows[index] = mean, var
            except ValueError as error:
                raise BatchOfOneError(error) if settings.batch_size == 1 else error from error
    return means, variances


def _batch_statistics(batches: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and biased variance of each batch, both (T, R); a few batches at a time, which stay in the cache."""
    mean = batches.mean(dim=1)
    together = max(1, 65_536 // batches[0].numel())
    parts = zip(torch.split(batches, together), torch.split(mean, together), strict=True)
    # A third of the time of torch.var along the middle dimension.
    var = torch.cat([(part - centre[:, None]).square_().mean(dim=1) for part, centre in parts])
    return mean.numpy(), var.numpy()


def _batch_noise(settings: Settings, population: Population) -> tuple[float, float]:
    """Closed-form standard deviation of one batch's mean and of its unbiased variance."""
    size, var = settings.batch_size, population.var
    mean_var = running.mean_variance(1.0, 1, var, size, population.size)
    left = running.finite_population_factor(size, population.size)
    var_var = left * running.var_variance(1.0, 1, var, size, population.excess_kurtosis)
    return math.sqrt(mean_var), math.sqrt(var_var)


def _spread(values: NDArray[np.float32]) -> Spread:
    ordered = np.sort(values, axis=-1)  # np.quantile would take ten times as long
    return Spread(values.mean(axis=-1, dtype=np.float64), _quantile(ordered, 0.15), _quantile(ordered, 0.85))


def _quantile(ordered: NDArray[np.float32], share: float) -> Floats:
    """Linearly interpolated quantile along the last axis."""
    last = ordered.shape[-1] - 1
    below = int(share * last)
    low, high = ordered[..., below].astype(np.float64), ordered[..., min(below + 1, last)].astype(np.float64)
    value: Floats = low + (share * last - below) * (high - low)
    return value


def _replica_std(values: NDArray[np.float32]) -> Floats:
    if values.shape[-1] == 1:
        return np.full(values.shape[:-1], math.nan)
    std: Floats = values.std(axis=-1, ddof=1, dtype=np.float64)
    return std


def _first_within(average: Floats, truth: float, share: float) -> Floats:
    """First batch (M,) at which `average` (M, t) is within `share`·|truth| of the truth; NaN where there is none."""
    reached = np.abs(average - truth) <= share * abs(truth)
    return np.where(reached.any(axis=1), reached.argmax(axis=1), math.nan)


def _eval_error(
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


def _spread_histograms(
    running_mean: NDArray[np.float32], truth: Floats, expected: Floats, std: Floats
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Edges (K+1,), counts (M, T+1, K) of the replicas' running means, expected shares (M, T+1, K).

    The edges hold the truth and where the run ends, with the noise of the end: what is still on its way from 0 would
    squeeze that noise into one bin, and is counted in the end bin.
    """
    reached = np.concatenate((truth[1:], expected[:, -1]))
    margin = 4.5 * float(std[:, -1].max())
    low, high = float(reached.min()) - margin, float(reached.max()) + margin
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
