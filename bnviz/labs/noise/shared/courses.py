"""What a training of several variants records.

Index letters: V variants, S replicas (seeds), E recorded points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.study.over_seeds import OverSeeds

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Courses:
    """V trainings side by side, tested in eval mode on the 450 test images."""

    steps: NDArray[np.int64]
    """(E,) optimizer steps done, the first is 0."""
    epochs: Floats
    """(E,) the same in epochs."""
    total_steps: int
    """Of the whole run."""
    accuracy: Floats
    """(V, S, E) share of the test images classified correctly; NaN once a replica has diverged."""
    loss: Floats
    """(V, S, E) mean cross-entropy on them, in nats."""
    diverged_at: NDArray[np.int64]
    """(V, S) step of the first loss that is not finite, −1 where there is none."""
    error: OverSeeds
    """(V, E) test error over seeds, a share."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
