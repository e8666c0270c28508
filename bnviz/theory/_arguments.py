"""Checks of arguments, shared by the theory modules: each returns the argument as a float64 array."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def _require(valid: NDArray[np.bool_] | np.bool_, name: str, allowed: str, value: ArrayLike) -> None:
    if not np.all(valid):
        raise ValueError(f"{name} must be {allowed}; got {value!r}")


def at_least(name: str, value: ArrayLike, minimum: float) -> FloatArray:
    """`value` as an array; raises ValueError unless every entry is `minimum` or more (NaN is refused)."""
    array = np.asarray(value, dtype=np.float64)
    _require(array >= minimum, name, f"at least {minimum:g}", value)
    return array


def above(name: str, value: ArrayLike, bound: float) -> FloatArray:
    """`value` as an array; raises ValueError unless every entry exceeds `bound` (NaN is refused)."""
    array = np.asarray(value, dtype=np.float64)
    _require(array > bound, name, f"more than {bound:g}", value)
    return array


def within(name: str, value: ArrayLike, low: float, high: float) -> FloatArray:
    """`value` as an array; raises ValueError unless every entry lies in [low, high] (NaN is refused)."""
    array = np.asarray(value, dtype=np.float64)
    _require((array >= low) & (array <= high), name, f"in [{low:g}, {high:g}]", value)
    return array


def keep_probability(p: ArrayLike) -> FloatArray:
    """k = 1 − p of a Dropout rate; raises ValueError unless 0 <= p < 1."""
    array = np.asarray(p, dtype=np.float64)
    _require((array >= 0) & (array < 1), "p", "in [0, 1)", p)
    return 1.0 - array
