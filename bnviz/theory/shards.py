"""A batch that is split over devices: what the parts' means and variances say about the whole.

Index letters: K devices (the first axis), C channels; variances are biased (divided by the number of values).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, at_least


def within(variances: ArrayLike) -> FloatArray:
    """Mean of the variances (K, C) of equal shards, (C,). Raises: ValueError for a negative one. Source: law of total variance."""
    return np.asarray(at_least("variances", variances, 0).mean(axis=0))


def between(means: ArrayLike) -> FloatArray:
    """Biased variance of the means (K, C) of equal shards, (C,). Source: law of total variance."""
    return np.asarray(np.asarray(means, dtype=np.float64).var(axis=0))


def chance_between(per_device: ArrayLike, devices: ArrayLike) -> FloatArray:
    """Expected `between` of K shards of m independent values, as a share of the population's variance: (K − 1)/(K·m).

    Raises: ValueError for less than one value or device. Source: variance of a mean σ²/m; the biased variance of K of them.
    """
    m, k = at_least("per_device", per_device, 1), at_least("devices", devices, 1)
    return (k - 1.0) / (k * m)
