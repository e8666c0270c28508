"""What several seeds say together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Statistics over the seeds whose value is finite; NaN where none is.

    `mean`; `deviation`: s.d. (divided by n − 1; NaN with fewer than two); `low`, `high`: the least and the largest. All have the
    shape of the values without the axis of the seeds, and their unit.
    """

    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats


def over_seeds(values: ArrayLike, axis: int = 1) -> OverSeeds:
    """The statistics of `values`, seeds along `axis`."""
    array = np.asarray(values, dtype=np.float64)
    alive = np.isfinite(array)
    count = alive.sum(axis=axis)
    none = count == 0
    mean = np.where(alive, array, 0).sum(axis=axis) / np.maximum(count, 1)
    squares = np.where(alive, (array - np.expand_dims(mean, axis)) ** 2, 0).sum(axis=axis)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    low = np.where(alive, array, np.inf).min(axis=axis)
    high = np.where(alive, array, -np.inf).max(axis=axis)
    blank = [np.where(none, np.nan, part) for part in (mean, low, high)]
    return OverSeeds(blank[0], np.where(count < 2, np.nan, deviation), blank[1], blank[2])
