"""How many independent numbers the N·H·W behind one mean of batch norm are worth.

Index letters: P samples of the population, B batches, C channels, R resolutions, D distances between pixels, K bins,
G points of a curve.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.labs.convolution.effective.result import Effective, Result
from bnviz.labs.convolution.effective.settings import Settings
from bnviz.labs.convolution.shared.data import draws, images_of, population_of
from bnviz.study.histogram import histogram
from bnviz.theory import noise

Floats = NDArray[np.float64]
BATCHES: Final = 1000
SIDES: Final = (1, 2, 4, 8)
BINS: Final = 40
GRID: Final = 301
SPREADS: Final = 4.5  # standard deviations of the batch mean that the histogram shows on each side
DUST: Final = 1e-10  # a share of the variance below this is rounding


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """What a batch mean is worth at several resolutions.

    `data` (P, K, H, W) in [0, 1]: the visitor's own images where `source` is `upload`. The settings' bounds bound the work: 1000
    batches of 16·8·8·8 numbers at each resolution, about 0.1 s. Raises: UploadError without usable data.
    """
    worth = measure(settings, population_of(settings, images_of(settings, data)))
    own = worth.here
    return Result(settings, worth.samples[own], worth.error[own], worth.theory[own], worth)


def measure(settings: Settings, population: Tensor) -> Effective:
    """Measure and predict for `population` (P, C, 8, 8), at the settings' resolution and at 1, 2, 4, 8 squared."""
    own = (settings.height, settings.width)
    sizes = sorted({own, *((side, side) for side in SIDES)}, key=lambda size: (size[0] * size[1], size))
    order = draws(settings, len(population), BATCHES)
    samples, error, theory, correlation = [], [], [], []
    for size in sizes:
        maps: Tensor = nn.AdaptiveAvgPool2d(size)(population)
        moments = _second_moments(maps)
        variance = np.trace(moments, axis1=1, axis2=2) / moments.shape[1]
        means = batch_means(maps, order)
        found = _effective(variance, means)
        samples.append(found[0])
        error.append(found[1])
        rho, predicted = _predict(settings.batch_size, moments, variance)
        correlation.append(rho)
        theory.append(predicted)
        if size == own:
            here = _here(settings, maps, moments, variance, means, predicted)
    return Effective(
        heights=np.array([height for height, _ in sizes]),
        widths=np.array([width for _, width in sizes]),
        here=sizes.index(own),
        numbers=np.array([settings.batch_size * height * width for height, width in sizes]),
        samples=np.stack(samples),
        error=np.stack(error),
        theory=np.stack(theory),
        correlation=np.stack(correlation),
        **here,
    )


def batch_means(maps: Tensor, order: Tensor) -> Floats:
    """Means (B, C) that `nn.BatchNorm2d` takes of the batches `order` (B, N) of `maps` (P, C, H, W).

    All batches pass one module side by side, each with channels of its own; with momentum 1 its running mean is the batch's.
    """
    B, N = order.shape
    _, C, H, W = maps.shape
    side_by_side = maps[order.T.reshape(-1)].view(N, B * C, H, W)
    norm = nn.BatchNorm2d(B * C, momentum=1.0, affine=False)
    if N * H * W == 1:  # refused in training; a single number is its own mean
        return side_by_side.view(B, C).double().numpy()
    with torch.no_grad():
        norm(side_by_side)
    assert norm.running_mean is not None
    return norm.running_mean.view(B, C).double().numpy()


def _second_moments(maps: Tensor) -> Floats:
    """E[(x_p − μ)(x_q − μ)] over the population, (C, HW, HW), μ the channel's mean over samples and pixels."""
    flat = maps.double().flatten(2)
    centred = (flat - flat.mean(dim=(0, 2), keepdim=True)).transpose(0, 1)
    return (centred.transpose(1, 2) @ centred / len(maps)).numpy()


def _effective(variance: Floats, means: Floats) -> tuple[Floats, Floats]:
    """σ² over the variance of the batch means (B, C), and its standard error; both (C,)."""
    B = len(means)
    deviations = means - means.mean(axis=0)
    of_mean = (deviations**2).sum(axis=0) / (B - 1)
    fourth = (deviations**4).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.sqrt(np.maximum(fourth / of_mean**2 - (B - 3) / (B - 1), 0) / B)
        samples = np.where(of_mean > DUST * variance, variance / of_mean, np.inf)
        return samples, np.where(np.isfinite(samples), samples * relative, np.nan)


def _predict(batch_size: int, moments: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """ρ̄ and the closed form, both (C,)."""
    pixels = moments.shape[1]
    rho = np.zeros(len(moments))
    if pixels > 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = (moments.sum(axis=(1, 2)) / variance - pixels) / (pixels * (pixels - 1))
        rho = np.where(variance > 0, rho, 1.0)
    inflation = 1 + (pixels - 1) * rho
    predicted = np.full(len(moments), np.inf)
    moves = inflation > DUST
    predicted[moves] = noise.effective_batch(batch_size, pixels, np.minimum(rho[moves], 1.0))
    return rho, predicted


def _here(
    settings: Settings, maps: Tensor, moments: Floats, variance: Floats, means: Floats, predicted: Floats
) -> dict[str, Floats]:
    """The parts of the result that belong to the settings' own resolution."""
    c, H, W = settings.channel, settings.height, settings.width
    mean = maps.double().mean(dim=(0, 2, 3)).numpy()
    distances, by_distance = _by_distance(moments, variance, H, W)
    naive = math.sqrt(variance[c] / (settings.batch_size * H * W))
    spread = math.sqrt(variance[c] / predicted[c])
    empty = np.zeros(0)
    curves = {"edges": empty, "density": empty, "grid": empty, "predicted": empty, "naive": empty}
    if spread > 0:
        reach = SPREADS * max(spread, min(naive, 3 * spread))
        counted = histogram(means[:, c], mean[c] - reach, mean[c] + reach, BINS)
        grid = np.linspace(counted.edges[0], counted.edges[-1], GRID)
        curves = {
            "edges": counted.edges,
            "density": counted.density(),
            "grid": grid,
            "predicted": _normal(grid, float(mean[c]), spread),
            "naive": _normal(grid, float(mean[c]), naive),
        }
    return {
        "mean": mean,
        "variance": variance,
        "batch_means": means,
        "spread": means.std(axis=0, ddof=1),
        "naive_spread": np.sqrt(variance / (settings.batch_size * H * W)),
        "distances": distances,
        "by_distance": by_distance,
        **curves,
    }


def _normal(x: Floats, mean: float, std: float) -> Floats:
    density: Floats = np.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
    return density


def _by_distance(moments: Floats, variance: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """Distances (D,) between two pixels, and the mean correlation (C, D) of all pairs so far apart."""
    row, column = np.divmod(np.arange(height * width), width)
    squared = (row[:, None] - row) ** 2 + (column[:, None] - column) ** 2
    distances, group = np.unique(squared, return_inverse=True)
    group = group.ravel()
    pairs = np.bincount(group)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = np.stack([np.bincount(group, one.ravel()) / pairs for one in moments]) / variance[:, None]
    return np.sqrt(distances), np.where(np.isfinite(correlations), correlations, 1.0)
