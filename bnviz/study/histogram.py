"""Counting values into bins, many histograms at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz import work

SECONDS: Final = 2e-8  # for each value


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts over one shared set of K bins."""

    edges: NDArray[np.float64]
    """(K+1,), ascending, equally spaced, in the unit of the values."""
    counts: NDArray[np.int64]
    """(…, K), the leading axes as the owner says; values beyond the edges are counted in the end bins."""

    def density(self) -> NDArray[np.float64]:
        """Counts as probability density, shape as `counts`; each histogram integrates to 1."""
        total = np.maximum(self.counts.sum(axis=-1, keepdims=True), 1)
        density: NDArray[np.float64] = self.counts / (total * np.diff(self.edges))
        return density


def histogram(values: NDArray[np.floating], low: float, high: float, bins: int) -> Histogram:
    """Count `values` (…, N) along the last axis into `bins` equal bins of [low, high]; NaN counts nowhere.

    Returns a `Histogram` with counts (…, bins).
    """
    rows = values.reshape(-1, values.shape[-1])
    # In place, for large temporary arrays cost more than the arithmetic. Clipped in floating point first: a cast of inf
    # or of a huge value to int is undefined.
    with np.errstate(over="ignore"):
        scaled = rows - low
        scaled *= bins / (high - low)
    np.clip(scaled, 0, bins - 1, out=scaled)
    missing = np.isnan(scaled) if np.isnan(scaled.max(initial=0)) else None
    if missing is not None:
        scaled[missing] = 0
    # 32 bits hold rows·bins, and a processor turns floats into them several at a time.
    index = scaled.astype(np.int32)
    index += (np.arange(len(rows), dtype=np.int32) * bins)[:, None]
    counts = np.bincount(index.ravel() if missing is None else index[~missing], minlength=len(rows) * bins)
    work.done(SECONDS * values.size)
    return Histogram(np.linspace(low, high, bins + 1), counts.reshape(*values.shape[:-1], bins))
