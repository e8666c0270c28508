"""The lab `running_stats`: how fast the running statistics of `nn.BatchNorm1d` find the truth, and how noisy they stay.

Index letters: M momentums, T batches (index 0 of T + 1 is the fresh layer), m samples per batch, R replicas
(independent streams of batches, one BN channel each), N samples of the population, K bins.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.errors import BatchOfOneError
from bnviz.labs.running_stats.experiment.data import Population, make_batches, make_population, mean_shift
from bnviz.labs.running_stats.experiment.summaries import (
    bins_of_means,
    error_in_eval,
    first_within,
    over_replicas,
    std_over_replicas,
)
from bnviz.labs.running_stats.result import Result
from bnviz.labs.running_stats.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.study.histogram import Histogram
from bnviz.theory import running

CURVE: Final = tuple(float(alpha) for alpha in np.geomspace(0.001, 0.95, 16))

Floats = NDArray[np.float64]

SECONDS: Final = 1.2
SAMPLES: Final = 16_000_000  # one visitor's batches in memory: 64 MB of float32


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
    expected_mean, expected_var = _expected(settings, population, shift)
    bias, mean_noise, mean_std, var_std = expected_mean - truth, *_expected_noise(settings, population)
    mean_spread = over_replicas(running_mean)
    approach = _undisturbed(settings, mean_spread.average)
    edges, spread, spread_theory = bins_of_means(running_mean, truth, expected_mean, mean_std)
    return Result(
        settings=settings,
        running_mean=running_mean,
        running_var=running_var,
        batch_mean=batch_mean,
        batch_var=batch_var,
        mean_spread=mean_spread,
        var_spread=over_replicas(running_var),
        population_mean=population.mean,
        population_var=population.var,
        population_size=population.size,
        excess_kurtosis=population.excess_kurtosis,
        truth_mean=truth,
        truth_var=population.unbiased_var,
        drift=drift,
        expected_mean=expected_mean,
        expected_mean_std=mean_std,
        expected_var=expected_var,
        expected_var_std=var_std,
        steps_to_5pct=first_within(approach, population.mean, 0.05),
        steps_to_1pct=first_within(approach, population.mean, 0.01),
        steps_to_5pct_theory=np.array([float(running.steps_to(a, 0.05)) for a in settings.compared]),
        steps_to_1pct_theory=np.array([float(running.steps_to(a, 0.01)) for a in settings.compared]),
        replica_std=std_over_replicas(running_mean),
        curve_steps=np.array([-math.log(0.05) * running.time_constant(a) for a in CURVE]),
        curve_noise=mean_noise * np.sqrt([running.squared_weights(a, settings.steps) for a in CURVE]),
        eval_error=error_in_eval(running_mean, running_var, truth, population.var, settings.eps),
        eval_error_theory=running.eval_error(bias, mean_std**2, expected_var, var_std**2, population.var, settings.eps),
        spread=Histogram(edges, spread),
        spread_share=spread / settings.replicas,
        spread_theory=spread_theory,
    )


def _check_cost(settings: Settings) -> None:
    """Seconds and samples, from the machine of the README's table: calls, arithmetic, drawing, summaries."""
    size, length, replicas = settings.batch_size, settings.steps, settings.replicas
    calls, samples = len(settings.compared) * length, length * size * replicas
    drawing = 15e-9 + 85e-12 * size if settings.source == "digits" else 10e-9
    seconds = calls * (30e-6 + 0.5e-9 * size * replicas + 0.15e-6 * replicas) + samples * drawing
    check_cost(max(seconds / SECONDS, samples / SAMPLES), 1.0, ("steps", "replicas", "batch_size"))


def _record(settings: Settings, batches: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Running mean and variance after each batch, both (M, T+1, R), from one real module per momentum."""
    shape = (len(settings.compared), settings.steps + 1, settings.replicas)
    means, variances = np.empty(shape, np.float32), np.empty(shape, np.float32)
    steps = batches.unbind()
    with torch.inference_mode():
        for momentum, mean_rows, var_rows in zip(settings.compared, means, variances, strict=True):
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
    chunks = zip(torch.split(batches, together), torch.split(mean, together), strict=True)
    # A third of the time of torch.var along the middle dimension.
    var = torch.cat([(chunk - centre[:, None]).square_().mean(dim=1) for chunk, centre in chunks])
    return mean.numpy(), var.numpy()


def _undisturbed(settings: Settings, means: Floats) -> Floats:
    """The columns of `means` (M, T+1) before the disturbance begins."""
    still = settings.steps if settings.disturbance == "none" else min(settings.disturbance_at, settings.steps)
    return means[:, : still + 1]


def _expected(settings: Settings, population: Population, shift: Floats) -> tuple[Floats, Floats]:
    """Closed-form expectation of the running mean and of the running variance, both (M, T+1).

    The population's mean moves by `shift` (T,).
    """
    steps = np.arange(settings.steps + 1)
    if shift.any():
        mean = [running.expected_trajectory(a, population.mean + shift, 0.0) for a in settings.compared]
    else:
        mean = [running.expected_mean(a, steps, population.mean) for a in settings.compared]
    var = [running.expected_var(a, steps, population.unbiased_var) for a in settings.compared]
    return np.stack(mean), np.stack(var)


def _expected_noise(settings: Settings, population: Population) -> tuple[float, Floats, Floats]:
    """Closed-form standard deviation of one batch's mean; of the running mean; of the running variance; the latter (M, T+1)."""
    size, var = settings.batch_size, population.var
    mean_var = running.mean_variance(1.0, 1, var, size, population.size)
    left = running.finite_population_factor(size, population.size)
    var_var = left * running.var_variance(1.0, 1, var, size, population.excess_kurtosis)
    weights = np.sqrt([running.squared_weights(a, np.arange(settings.steps + 1)) for a in settings.compared])
    return math.sqrt(mean_var), math.sqrt(mean_var) * weights, math.sqrt(var_var) * weights
