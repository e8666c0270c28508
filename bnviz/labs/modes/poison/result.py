"""What a run of the topic `poison` of the lab `modes` measures.

Index letters: T batches, E recorded points, L batch norms, C cures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.poison.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
CureName = Literal["nothing", "more_batches", "momentum_one", "nan_to_num", "reset", "recalibrate"]

CURES: Final[tuple[CureName, ...]] = (
    "nothing",
    "more_batches",
    "momentum_one",
    "nan_to_num",
    "reset",
    "recalibrate",
)


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """One poisoned batch in train mode. Errors are shares of wrong predictions on the test images, NaN where a logit is not finite.

    "The unit" is the first of the first layer; "statistics" are running means and variances.
    """

    settings: Settings
    """What was asked for."""
    poisoned_at: int
    """Number of the poisoned batch, 0 where there was none."""
    batches: NDArray[np.int64]
    """(E,) batches seen when it was measured, the first 0."""
    error_train: Floats
    """(E,) in train mode, with the statistics of the test images."""
    error_eval: Floats
    """(E,) in eval mode."""
    bad_outputs: Floats
    """(E,) share of eval logits that are not finite."""
    bad_statistics: Floats
    """(E, L) share of statistics that are not finite."""
    running_mean: Floats
    """(E,) of the unit."""
    running_var: Floats
    """(E,) of the unit."""
    losses: Floats
    """(T,) training loss of each batch."""
    skipped: int
    """How many steps were left out."""
    cures: tuple[CureName, ...]
    """(C,) `CURES`."""
    cured_error: Floats
    """(C,) error in eval mode afterwards."""
    cured_bad: Floats
    """(C,) share of statistics that are not finite afterwards."""
    bad_mean: float
    """Mean of the unit's inputs in the poisoned batch, NaN without one."""
    bad_variance: float
    """Unbiased variance of the unit's inputs in the poisoned batch, NaN without one."""
    expected_var: Floats
    """(E,) running variance of the unit if the good batches stay as they were, NaN before the poisoned one."""
    forgotten: float
    """Good batches until the poisoned one weighs less than a good one's variance, NaN where it never does."""

    @property
    def before(self) -> int:
        """Index of the last recorded point before the poisoned batch."""
        return int(np.searchsorted(self.batches, self.poisoned_at or self.batches[-1] + 1)) - 1
