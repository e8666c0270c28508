"""What is measured of the variance shift in a network.

Index letters: L hidden layers, K bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.study.histogram import Histogram

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """Variance of each batch norm's output in eval mode, before γ; in training mode it is 1."""

    ratio: Floats
    """(L,) measured, the average over units and networks."""
    ratio_error: Floats
    """(L,) standard error of its difference from `ratio_theory`, from the scatter over units."""
    ratio_theory: Floats
    """(L,) predicted from training mode, by `bnviz.theory.variance_shift`."""
    local: Floats
    """(L,) what the layer's own Dropout would do alone."""
    left_out: NDArray[np.int64]
    """(L,) units that are on for less than 5 % of the images, and are not in the averages."""
    units: int
    """Units per layer, of all networks together that have not diverged."""
    unit_ratio: tuple[Floats, ...]
    """L arrays with the single units' measured numbers."""
    unit_theory: tuple[Floats, ...]
    """L arrays with the single units' predicted numbers."""
    training: Histogram
    """Of the logits in training mode, which a Linear makes of the last batch norm's output, counts (K,)."""
    evaluation: Histogram
    """Of the logits in eval mode, counts (K,)."""
    logit_variance: Floats
    """(2,) mean square of the logits about each one's mean, in training and in eval mode."""
