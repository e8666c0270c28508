"""The chosen channel's population in the lab `layer`, and what the running estimates and x̂ should be by theory.

Index letters as in `layer`: T batches shown, m samples per batch, P positions per sample, N samples, K bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.datasets import digits
from bnviz.labs.layer.result import Floats, Forecast, Population
from bnviz.labs.layer.settings import SMALL_EPS, Settings
from bnviz.theory import output_law, running

SYNTHETIC_KURTOSIS: Final = {"gaussian": 0.0, "uniform": -1.2, "skewed": 6.0, "bimodal": -2 * 0.9**4}
SIDE: Final = 8  # height and width of synthetic images


def measure_population(layer: nn.Linear | nn.Conv2d, samples: Tensor | None, settings: Settings) -> Population:
    """Send everything through the chosen channel; `samples` None: the synthetic source's exact moments."""
    weight = layer.weight[settings.channel : settings.channel + 1]
    bias = 0.0 if layer.bias is None else float(layer.bias[settings.channel])
    scale, shift = settings.input_scale, settings.input_shift
    if samples is None:
        kurtosis = SYNTHETIC_KURTOSIS[settings.source]
        if isinstance(layer, nn.Linear):
            var = float(weight) ** 2 * scale**2
            return Population(bias * scale + shift, var, var, math.inf, kurtosis)
        area = torch.ones(1, 1, SIDE, SIDE)
        # Each output sums the pixels under the kernel, fewer at the rim; a pixel enters the mean through every kernel.
        var = float(functional.conv2d(area, weight**2, padding=1).mean()) * scale**2
        mean_var = float(functional.conv_transpose2d(area / SIDE**2, weight, padding=1).square().sum()) * scale**2
        return Population(bias * scale + shift, var, mean_var, math.inf, None)
    of_digits = settings.source == "digits"
    found = _digits_moments(weight.numpy().tobytes(), weight.shape) if of_digits else _moments(weight, samples)
    replaced = settings.batch_size > len(samples)
    return Population(
        mean=(found.mean + bias) * scale + shift,
        var=found.var * scale**2,
        sample_mean_var=found.sample_mean_var * scale**2,
        size=math.inf if replaced else float(len(samples)),
        excess_kurtosis=found.excess_kurtosis,
    )


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of what one channel's weights make of all samples; fields as in `Population`."""

    mean: float
    var: float
    sample_mean_var: float
    excess_kurtosis: float | None


@lru_cache(maxsize=256)
def _digits_moments(weight: bytes, shape: torch.Size) -> _Moments:
    """Of the digits, which only another seed or channel changes."""
    images, _ = digits()
    kernel = torch.frombuffer(bytearray(weight), dtype=torch.float32).view(shape)
    return _moments(kernel, images if kernel.ndim == 4 else images.flatten(1))


def _moments(weight: Tensor, samples: Tensor) -> _Moments:
    """`weight`: (1, D), or (1, 1, 3, 3) for images."""
    found = functional.conv2d(samples, weight, padding=1) if weight.ndim == 4 else functional.linear(samples, weight)
    values = found.flatten(1).numpy().astype(np.float64)
    mean = float(values.mean())
    centred = values - mean
    squares = centred**2
    var = float(squares.mean())
    one_each = values.shape[1] == 1
    return _Moments(
        mean=mean,
        var=var,
        sample_mean_var=var if one_each else float(centred.mean(axis=1).var()),
        excess_kurtosis=float((squares**2).mean()) / var**2 - 3 if one_each and var > 0 else None,
    )


def forecast(settings: Settings, population: Population, n: int) -> Forecast:
    """The running estimates expected from the population, drift included; n values per statistic."""
    warm, shown = settings.warmup, settings.steps
    updates = shown if settings.mode == "train" else 0
    if not settings.track_running_stats or warm + updates == 0:
        return Forecast(np.zeros(shown + 1), np.zeros(shown + 1), np.ones(shown + 1))
    t = warm + np.minimum(np.arange(shown + 1), updates)
    mean = running.expected_mean(settings.momentum, t, population.mean)
    if settings.drift:
        targets = population.mean + settings.drift * np.maximum(np.arange(warm + updates) - warm, 0)
        mean = running.expected_trajectory(settings.momentum, targets, 0.0)[t]
    m = settings.batch_size
    batch_mean_var = population.sample_mean_var / m
    if math.isfinite(population.size):
        batch_mean_var *= float(running.finite_population_factor(m, population.size))
    unbiased = (population.var - batch_mean_var) * n / (n - 1) if n > 1 else 0.0
    share = noise_share(settings.momentum, warm + updates, m, population.size)
    return Forecast(
        mean,
        np.sqrt(share[t] * population.sample_mean_var),
        running.expected_var(settings.momentum, t, max(unbiased, 0.0)),
    )


@lru_cache(maxsize=256)
def noise_share(momentum: running.Momentum, length: int, m: int, size: float) -> Floats:
    """Variance of the running mean after 0 … `length` batches of m, in units of one sample's variance, (length + 1,).

    For N = `size` samples drawn in epochs without replacement, every epoch in a new random order:
    ((N/m)·Σw² − Σ_e S_e²)/(N − 1), with the batches' weights w and their sum S_e over each epoch. Batches of one epoch
    exclude each other's samples, so their means pull in opposite directions, and a whole epoch has no noise at all.
    Source: covariance −σ²/(N − 1) of two draws without replacement. For independent samples Σw²/m.
    """
    squares = np.asarray(running.squared_weights(momentum, np.arange(length + 1)))
    if math.isinf(size):
        return squares / m
    per_epoch = int(size) // m
    shared = np.zeros(length + 1)
    past = current = 0.0
    for batch in range(length):
        newest = 1 / (batch + 1) if isinstance(momentum, str) else momentum
        if batch % per_epoch == 0:
            past, current = past + current**2, 0.0
        past, current = past * (1 - newest) ** 2, current * (1 - newest) + newest
        shared[batch + 1] = past + current**2
    return np.asarray(np.maximum(size / m * squares - shared, 0.0) / (size - 1))


@lru_cache(maxsize=256)
def _gaussian_law(reach: float, bins: int, n: int) -> Floats:
    edges = np.linspace(-reach, reach, bins + 1)
    return np.asarray(np.diff(output_law.output_cdf(edges, n)) / np.diff(edges))


def predicted_density(
    edges: Floats, settings: Settings, population: Population, n: int, used_mean: Floats, used_var: Floats
) -> Floats | None:
    """Density (K,) of x̂ over the bins by closed form; None where there is none.

    Batch statistics: the law of n independent Gaussian values with ε → 0. Running estimates: a Gaussian feature without
    drift, moved and scaled by the `used_mean` and `used_var` (T,), which eval mode keeps constant.
    """
    if settings.statistics_source == "batch":
        if n < 2 or settings.eps > SMALL_EPS * float(used_var.mean()):
            return None
        return _gaussian_law(float(edges[-1]), len(edges) - 1, n)
    if settings.source != "gaussian" or settings.layer != "linear" or settings.drift or population.var == 0:
        return None
    std = math.sqrt(population.var)
    cdf = ndtr((edges * math.sqrt(used_var[0] + settings.eps) + used_mean[0] - population.mean) / std)
    density: Floats = np.diff(cdf) / np.diff(edges)
    return density
