"""What a run of the topic `backward` of the lab `modes` measures.

Index letters: L hidden layers (each with one batch norm), T optimizer steps, W ways of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.backward.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
WayName = Literal["train", "constants"]

WAYS: Final[tuple[WayName, ...]] = ("train", "constants")
"""As PyTorch trains; and with eval mode's gradient, the running statistics set to those of the batch before every step."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The gradients of one batch in both modes, and what they train. What is measured is NaN where the training has diverged.

    The batch is the one after the last step, and the network, trained as PyTorch trains, is cast to double precision for it. "Same
    statistics" is eval mode with the mean and the biased variance of that batch as running statistics.
    """

    settings: Settings
    """What was asked for."""
    batch_loss: float
    """Loss of the batch in train mode."""
    batch_loss_same: float
    """In eval mode, same statistics."""
    batch_loss_running: float
    """In eval mode, the running statistics as the training left them."""
    cosine_same: Floats
    """(L,) cosine between the gradients of a layer's weights in train mode and in eval mode, same statistics."""
    cosine_running: Floats
    """(L,) the same with the running statistics as the training left them."""
    kept: Floats
    """(L,) squared length of the gradient at the input of one batch norm, train mode / eval mode, same statistics and same gradient at
    its output."""
    kept_theory: Floats
    """(L,) the same by the closed form."""
    kept_anywhere: float
    """1 − 2/m: the same for a gradient that points anywhere."""
    removed_mean: Floats
    """(L,) share of the squared length that the path through the mean takes away."""
    removed_var: Floats
    """(L,) share that the path through the variance takes away."""
    overlap: Floats
    """(W, L) cosine between a layer's weights and their gradient, train mode and eval mode, same statistics."""
    overlap_theory: Floats
    """(L,) the same in train mode by the closed form, which is zero but for eps."""
    loss: Floats
    """(W, T) training loss before each step."""
    loss_end: Floats
    """(W,) its mean over the last quarter of the steps."""
    weight_norm: Floats
    """(W, T+1) length of the first layer's weights before each step and at the end."""
