"""What a run of the topic `freeze_matrix` of the lab `modes` measures.

Index letters: W ways of freezing, Q quantities that may move, T fine-tuning steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
Afterwards = Literal["", "train", "untracked"]

QUANTITIES: Final = ("weights", "gamma", "beta", "running_mean", "running_var", "num_batches_tracked", "features")


@dataclass(frozen=True, slots=True)
class Way:
    """One way of freezing."""

    requires_grad: bool
    """Whether it is left on."""
    eval_mode: bool
    """Whether the batch norms are in eval mode."""
    track_running_stats: bool
    """With what the batch norms are built."""
    afterwards: Afterwards = ""
    """What happened then: "train", model.train() was called; "untracked", `track_running_stats` was set to False on the finished
    modules, whose buffers stay."""


WAYS: Final = (
    *(
        Way(requires_grad, eval_mode, track)
        for track, requires_grad, eval_mode in product((True, False), (True, False), (False, True))
    ),
    Way(requires_grad=False, eval_mode=True, track_running_stats=True, afterwards="train"),
    Way(requires_grad=False, eval_mode=False, track_running_stats=True, afterwards="untracked"),
)
"""The eight combinations, then model.train() after eval(), then `track_running_stats` set to False later on."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """A body trained on the old classes and fine-tuned on the new ones in every way: before against after.

    Errors are shares of wrong predictions on test images in eval mode.
    """

    settings: Settings
    """What was asked for."""
    ways: tuple[Way, ...]
    """(W,) `WAYS`."""
    quantities: tuple[str, ...]
    """(Q,) `QUANTITIES`: weights of the body's Linears, γ and β of its batch norms, their buffers, and "features", what the body
    hands to the last layer in eval mode for images of the old classes."""
    change: Floats
    """(W, Q) ‖after − before‖ / ‖before‖ over all layers of the body; the difference of "num_batches_tracked"; the RMS change of
    the "features" over their standard deviation. NaN where there is no such thing."""
    moved: NDArray[np.bool_]
    """(W, Q) whether anything changed at all, bit by bit."""
    error_old: Floats
    """(W,) on the old classes, the old last layer put back onto the body."""
    error_before: float
    """The same before the fine-tuning."""
    error_new: Floats
    """(W,) on the new classes, with the new last layer."""
    drift: Floats
    """(T+1,) how far the running means of the first batch norm, in train mode behind a frozen Linear, have gone from where they
    were to the means of the new images, 0 to 1."""
    drift_theory: Floats
    """(T+1,) 1 − (1 − α)^t."""
    drift_error: Floats
    """(T+1,) standard error of `drift`, from the scatter of the batch means."""

    def cell(self, way: Way, quantity: str) -> float:
        """The change of one quantity in one way."""
        return float(self.change[self.ways.index(way), self.quantities.index(quantity)])
