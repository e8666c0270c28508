"""Histograms, moments and percentiles of recorded values, all batches and channels of a stage at once.

Index letters as in `layer`: T batches, C channels, n values per batch and channel, K bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bnviz.study.histogram import Histogram, histogram

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]

BINS: Final = 64
PERCENTILES: Final = (15, 50, 85)
ENDS: Final = 0.002  # share of the values that may lie beyond an axis
LOOKED_AT: Final = 16_384  # values from which an axis is chosen
FEW: Final = 8  # values or fewer: each is a bar of its own
SPAN: Final = 4.0  # standard deviations over which n values lie, for the width of their bins


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: counts (T, C, K), mean and standard deviation (biased) of each batch (T, C)."""

    histogram: Histogram
    mean: Floats
    std: Floats


def rows_of(tensors: list[Tensor]) -> Rows:
    """T tensors (m, C, …) as one array (T, C, n)."""
    stacked = torch.stack(tensors)
    rows = stacked.transpose(1, 2) if stacked.ndim == 3 else stacked.flatten(3).transpose(1, 2).flatten(2)
    array: Rows = rows.contiguous().numpy()
    return array


def normalized_rows(inputs: list[Tensor], eps: float, estimates: Rows | None) -> Rows:
    """x̂ (T, C, n) by PyTorch's own kernel in one call: each batch's channels become channels of one wide batch.

    `estimates` (2, C): the running mean and variance to normalize with; None: each batch's own.
    """
    if estimates is None:
        wide = functional.batch_norm(torch.cat(inputs, dim=1), None, None, training=True, eps=eps)
        return rows_of(list(wide.chunk(len(inputs), dim=1)))
    mean, var = torch.from_numpy(estimates).unbind()
    long = functional.batch_norm(torch.cat(inputs), mean, var, training=False, eps=eps)
    return rows_of(list(long.chunk(len(inputs))))


def moments(rows: Rows) -> tuple[Floats, Floats]:
    """Mean and biased variance (T, C), accurate also where the mean is large against the spread."""
    mean: Floats = rows.mean(axis=-1, dtype=np.float64)
    centred = rows - mean[..., None].astype(np.float32)
    var: Floats = np.square(centred, out=centred).mean(axis=-1, dtype=np.float64)
    return mean, var


def half_range(rows: Rows, least: float) -> float:
    """Half the width of an axis around 0 that holds all but `ENDS` of the values: `least`, or (1, 2, 4, 6)·10^k."""
    values = rows.ravel()
    # An odd step, so that it does not keep meeting the same sample or pixel of every batch.
    values = np.abs(values[:: -(-values.size // LOOKED_AT) | 1])
    if np.count_nonzero(values > least) <= ENDS * values.size:
        return least
    reach = float(np.partition(values, place := int((1 - ENDS) * (values.size - 1)))[place])
    power = 10.0 ** math.floor(math.log10(reach))
    return next(factor * power for factor in (1, 2, 4, 6, 10) if factor * power >= reach * (1 - 1e-6))


def describe(
    rows: Mapping[str, Rows], ranges: Mapping[str, tuple[float, float]], known: Mapping[str, tuple[Floats, Floats]]
) -> dict[str, Stage]:
    """Each stage summarized over its range; stages that are the same array are summarized once.

    `known`: means and variances that have been computed already.
    """
    done: dict[tuple[int, tuple[float, float]], Stage] = {}
    for stage, values in rows.items():
        key = (id(values), ranges[stage])
        if key not in done:
            mean, var = known.get(stage) or moments(values)
            done[key] = Stage(histogram(values, *ranges[stage], BINS), mean, np.sqrt(var))
    return {stage: done[id(values), ranges[stage]] for stage, values in rows.items()}


def percentiles(rows: Rows) -> Floats:
    """`PERCENTILES` of each batch by linear interpolation, (T, C, 3)."""
    ordered = np.sort(rows, axis=-1)
    place = np.array(PERCENTILES) / 100 * (ordered.shape[-1] - 1)
    low = place.astype(np.int64)
    high = np.minimum(low + 1, ordered.shape[-1] - 1)
    found: Floats = ordered[..., low] + (ordered[..., high] - ordered[..., low]) * (place - low)
    return found


def grouped(density: Floats, group: int) -> Floats:
    """`density` (…, K), every `group` neighbouring bins as one bin of that width, over the same edges."""
    wide = density.reshape(*density.shape[:-1], -1, group).mean(axis=-1)
    return np.repeat(wide, group, axis=-1)


def group_size(edges: Floats, spread: float, n: int) -> int:
    """How many bins make one that n values of standard deviation `spread` can fill: Rice's rule, 2·n^(1/3) bins; a power of two.

    Source: Lane et al., Online Statistics Education, "Histograms".
    """
    wanted = SPAN * spread / (2 * n ** (1 / 3))
    width = float(edges[1] - edges[0])
    group = 1
    while n > FEW and 2 * group * width <= wanted and group < BINS // 4:
        group *= 2
    return group


def spread_within(stage: Stage, channel: int) -> float:
    """Standard deviation within a typical batch of one channel."""
    return float(np.median(stage.std[:, channel]))


def batch_density(stage: Stage, channel: int, n: int) -> Floats:
    """Density (T, K) of one channel's batches, in bins that their n values can fill."""
    edges = stage.histogram.edges
    counted = Histogram(edges, stage.histogram.counts[:, channel])
    return grouped(counted.density(), group_size(edges, spread_within(stage, channel), n))


def pooled_density(stage: Stage, channel: int) -> Floats:
    """Density (K,) of one channel over all batches."""
    return Histogram(stage.histogram.edges, stage.histogram.counts[:, channel].sum(axis=0)).density()


def density_within(rows: Rows, edges: Floats) -> Floats:
    """Density (T, K) of rows (T, n) over the bins; a bin more at either end catches what lies beyond."""
    width = edges[1] - edges[0]
    beyond = histogram(rows, edges[0] - width, edges[-1] + width, len(edges) + 1)
    return beyond.density()[:, 1:-1]
