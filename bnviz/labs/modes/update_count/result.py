"""What a run of the topic `update_count` of the lab `modes` measures.

Index letters: W ways of training, T optimizer steps, K numbers of updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.update_count.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
WayName = Literal["plain", "accumulation", "second_pass", "checkpoint", "checkpoint_reentrant", "validation"]

WAYS: Final[tuple[WayName, ...]] = (
    "plain",
    "accumulation",
    "second_pass",
    "checkpoint",
    "checkpoint_reentrant",
    "validation",
)
"""One forward pass per step; several batches; a second forward pass of the same batch; the hidden layers in
`torch.utils.checkpoint`, `use_reentrant` False and True; one validation batch in train mode, without gradients, after each step."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """How often the running statistics move in each way of training, and what the momentum really is."""

    settings: Settings
    """What was asked for."""
    ways: tuple[WayName, ...]
    """(W,) `WAYS`."""
    updates: Floats
    """(W,) `num_batches_tracked` of the first batch norm after all steps / steps."""
    updates_last: Floats
    """(W,) the same of the last batch norm."""
    updates_theory: Floats
    """(W,) forward passes in train mode per optimizer step."""
    old_weight: Floats
    """(W, T+1) weight that the running mean of before the first step still has after each step."""
    old_weight_theory: Floats
    """(W, T+1) (1 − α)^(updates·t)."""
    momentum: Floats
    """(W,) weight of what one optimizer step brings: the momentum, counted in optimizer steps."""
    momentum_theory: Floats
    """(W,) 1 − (1 − α)^k of `updates_theory`."""
    counts: NDArray[np.int64]
    """(K,) 1, 2, … updates per optimizer step."""
    momentum_by_count: Floats
    """(K,) 1 − (1 − α)^k of `counts`."""
    corrected: float
    """The momentum that gives `settings.accumulation` the pace of a plain run; NaN for "cumulative"."""
    corrected_momentum: float
    """The momentum per optimizer step that was measured with it; NaN for "cumulative"."""
    batch_mean: float
    """Of the first unit of the first layer, for the first batch."""
    running_mean: float
    """Of that unit, after one plain step with that batch."""
