"""What several seeds say together: the one type in which results hold a course over seeds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Statistics over the seeds whose value is finite; NaN where none is.

    Every field has the shape of the values without the axis of the seeds, and their unit.
    """

    mean: Floats
    """Their mean."""
    deviation: Floats
    """Their s.d., divided by n − 1; NaN with fewer than two."""
    low: Floats
    """The least of them."""
    high: Floats
    """The largest of them."""

    def __getitem__(self, index: Any) -> OverSeeds:
        """The same part of each field, as NumPy takes it: of (V, E), `over[0]` has (E,)."""
        return OverSeeds(*(np.asarray(getattr(self, field.name)[index]) for field in fields(self)))


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
