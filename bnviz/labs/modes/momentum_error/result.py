"""What a run of the topic `momentum_error` of the lab `modes` measures.

Index letters: M momentums, S seeds, K numbers of recalibration batches, Q momentums compared with recalibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.momentum_error.settings import Settings
from bnviz.settings import MomentumValue
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """Errors are shares of wrong predictions on the 450 test images in eval mode; NaN where a training diverged."""

    settings: Settings
    """What was asked for."""
    momentums: tuple[MomentumValue, ...]
    """(M,) the grid with the chosen one, "cumulative" last."""
    chosen: int
    """Index of the chosen momentum in `momentums`."""
    error: Floats
    """(M, S) with the running statistics that the momentum left."""
    recalibrated: Floats
    """(S,) after recalibration with `settings.passes` batches."""
    counts: NDArray[np.int64]
    """(K,) numbers of recalibration batches, `settings.passes` among them."""
    by_count: Floats
    """(K, S) error after recalibration with so many batches."""
    over: OverSeeds
    """(M,) `error` over seeds."""
    recalibrated_over: OverSeeds
    """() `recalibrated` over seeds."""
    count_over: OverSeeds
    """(K,) `by_count` over seeds."""
    left_over: Floats
    """(M,) (1 − α)^t, weight of the initial mean 0 and variance 1 after t steps."""
    left_over_measured: Floats
    """(M,) what is left in `nn.BatchNorm1d` of a running mean of 1 after t batches of zeros."""
    pairs: tuple[MomentumValue, ...]
    """(Q,) momentums compared with recalibration, the chosen one first."""
    differences: Floats
    """(Q, S) error − error after recalibration, seed by seed."""
    findings: tuple[Finding, ...]
    """(Q,) what the differences say."""
    diverged_at: NDArray[np.int64]
    """(S,) step of the first loss that is not finite, −1 where there is none."""
