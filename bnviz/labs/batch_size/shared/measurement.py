"""How much mean, variance and output of a real batch norm layer scatter with the batch.

Index letters: B batch sizes, T batches, N images per batch, C channels, P values per image and channel, Q points of the scatter
plot. Batches are drawn with replacement from all 1797 digits, so that what theory assumes of the drawing is so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.streams import stream
from bnviz.labs.batch_size.shared.parameters import NetworkName, SamplingName
from bnviz.labs.batch_size.shared.population import Population, population
from bnviz.labs.batch_size.shared.statistics import Statistics

Floats = NDArray[np.float64]

VALUES: Final = 3_000_000  # sent through batch norm per batch size, about
MIN_BATCHES: Final = 100
MAX_BATCHES: Final = 400
TOGETHER: Final = 2**17  # values that are sent at once: what fits into a processor's cache
POINTS: Final = 400
NOTHING: Final = np.empty(0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Measured at one batch size over the first `channels`: each quantity with its standard error."""

    channels: int
    """How many."""
    mean_noise: tuple[float, float]
    """See `Statistics`."""
    variance_noise: tuple[float, float]
    """See `Statistics`."""
    fidelity: tuple[float, float]
    """See `Statistics`."""
    truth: Floats
    """(Q,) (x − μ)/σ of values of the first channel."""
    output: Floats
    """(Q,) what batch norm made of them."""
    refusal: str
    """PyTorch's words where it refuses the batch, else ""."""


def measure(
    network: NetworkName, hidden_layer: int, sampling: SamplingName, batch_sizes: Sequence[int], seed: int
) -> Statistics:
    """Send batches through `nn.BatchNorm1d` or `nn.BatchNorm2d` in training mode, and put theory beside what comes out."""
    source = population(network, hidden_layer, sampling, seed)
    drawn = {size: draw(source, size, sampling, seed) for size in batch_sizes}
    return Statistics(**statistics_of(network, source, drawn, batch_sizes))


def statistics_of(
    network: NetworkName, source: Population, drawn: dict[int, Drawn], batch_sizes: Sequence[int]
) -> dict[str, Any]:
    """The fields of `Statistics`, from what was drawn at every batch size."""
    rows = [drawn[size] for size in batch_sizes]
    theory = [source.noise(size, row.channels) for size, row in zip(batch_sizes, rows, strict=True)]
    correlation, class_share = source.shares(source.watched)
    measured: dict[str, Any] = {}
    for name in ("mean_noise", "variance_noise", "fidelity"):
        measured[name] = np.array([getattr(row, name)[0] for row in rows])
        measured[f"{name}_error"] = np.array([getattr(row, name)[1] for row in rows])
    return {
        "network": network,
        "pixels": source.pixels,
        "batch_sizes": np.array(batch_sizes, dtype=np.int64),
        **measured,
        "mean_noise_theory": np.array([row.mean for row in theory]),
        "variance_noise_theory": np.array([row.variance for row in theory]),
        "fidelity_theory": np.array([row.fidelity for row in theory]),
        "correlation": correlation,
        "class_share": class_share,
    }


def batch_draws(labels: Tensor, count: int, images: int, sampling: SamplingName, seed: int) -> Tensor:
    """Indices (T, N) of `count` batches, drawn with replacement from everything or, each batch, from the class of a random image."""
    generator = stream(seed, "order")
    if sampling == "iid":
        return torch.randint(0, len(labels), (count, images), generator=generator)
    by_class = labels.argsort(stable=True)
    sizes = torch.bincount(labels)
    chosen = labels[torch.randint(0, len(labels), (count, 1), generator=generator)]
    member = (torch.rand(count, images, generator=generator) * sizes[chosen]).long()
    return by_class[(sizes.cumsum(0) - sizes)[chosen] + member]


def draw(source: Population, images: int, sampling: SamplingName, seed: int) -> Drawn:
    """Batches of `images`, a few at a time through one batch norm layer, in which every batch has channels of its own."""
    one = images * source.pixels
    channels = max(1, min(source.watched, VALUES // (MIN_BATCHES * one)))
    count = min(MAX_BATCHES, max(MIN_BATCHES, VALUES // (one * channels)))
    draws = batch_draws(source.labels, count, images, sampling, seed)
    values, few = source.values[:, :channels].contiguous(), max(1, TOGETHER // (one * channels))
    try:
        passed = [_pass(values, draws[start : start + few]) for start in range(0, count, few)]
    except ValueError as error:
        nan = (math.nan, math.nan)
        return Drawn(channels, nan, nan, nan, NOTHING, NOTHING, _refusal(source, images) or str(error))
    batch_mean, batch_variance, *sums, truth, output = (np.concatenate(part) for part in zip(*passed, strict=True))
    mean, std = source.mean[:channels], source.std[:channels]
    shown = np.linspace(0, truth.size - 1, min(POINTS, truth.size)).astype(int)
    return Drawn(
        channels,
        _root(((batch_mean - mean) / std) ** 2),
        _root((batch_variance / std**2 - 1) ** 2),
        _squared_correlation(sums, one),
        (truth.ravel()[shown].astype(np.float64) - mean[0]) / std[0],
        output.ravel()[shown].astype(np.float64),
        "",
    )


def _pass(values: Tensor, draws: Tensor) -> tuple[NDArray[Any], ...]:
    """What batch norm does to the batches `draws` (T, N) of `values` (n, C, …).

    Their means and unbiased variances (T, C); of the outputs y and inputs x the sums of y, x, y², x², yx over each batch and channel,
    five arrays (T, C), in double precision; x and y of the first channel, (T, N, P). Raises: ValueError for one value per channel.
    """
    (count, images), channels = draws.shape, values.shape[1]
    stacked = values[draws.T].flatten(1, 2)  # (N, T·C, …)
    # With momentum 1 the running estimates are the newest batch's mean and unbiased variance.
    norm = _batch_norm(values)(count * channels, momentum=1.0, affine=False)
    with torch.no_grad():
        normalized = norm(stacked)
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: PT018 - for mypy
    x, y = (part.numpy().reshape(images, count, channels, -1) for part in (stacked, normalized))
    first = [part[:, :, 0].swapaxes(0, 1).copy() for part in (x, y)]
    x, y = x.astype(np.float64), y.astype(np.float64)
    sums = [np.einsum("ntcp->tc", part) for part in (y, x)]
    sums += [np.einsum("ntcp,ntcp->tc", *pair) for pair in ((y, y), (x, x), (y, x))]
    moments = (part.double().numpy().reshape(count, channels) for part in (norm.running_mean, norm.running_var))
    return (*moments, *sums, *first)


def _squared_correlation(sums: Sequence[Floats], size: int) -> tuple[float, float]:
    """R² of y and x, the mean over channels, and its standard error from batch to batch (delta method).

    `sums` of `_pass` over the `size` values of each batch and channel.
    """
    of_y, of_x, *products = sums

    def about_means(total: Floats, one: Floats, other: Floats) -> Floats:
        a, b = one.mean(0) / size, other.mean(0) / size
        return np.asarray(total - a * other - b * one + size * a * b)

    own, others, product = map(about_means, products, (of_y, of_x, of_y), (of_y, of_x, of_x))
    squared = product.sum(0) ** 2 / (own.sum(0) * others.sum(0))
    parts = [part / part.mean(0) for part in (product, own, others)]
    influence = (squared * (2 * parts[0] - parts[1] - parts[2])).mean(1)
    return float(squared.mean()), float(influence.std(ddof=1)) / math.sqrt(len(influence))


def _root(squares: Floats) -> tuple[float, float]:
    """Root of the mean of `squares` (T, C), and its standard error over the batches."""
    per_batch = squares.mean(1)
    root = math.sqrt(float(per_batch.mean()))
    return root, float(per_batch.std(ddof=1)) / math.sqrt(len(per_batch)) / (2 * root)


def _batch_norm(values: Tensor) -> type[nn.BatchNorm1d | nn.BatchNorm2d]:
    return nn.BatchNorm1d if values.dim() == 2 else nn.BatchNorm2d


def _refusal(source: Population, images: int) -> str:
    """What PyTorch says of one such batch alone, not of several stacked."""
    try:
        _batch_norm(source.values)(source.values.shape[1])(source.values[:images])
    except ValueError as error:
        return str(error)
    return ""
