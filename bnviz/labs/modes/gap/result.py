"""What a run of the topic `gap` of the lab `modes` measures.

Index letters: E recorded points, L hidden layers (each with one batch norm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.gap.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value on its way through the first batch norm, at the end of the run: the first test image, the first unit."""

    value: float
    """What enters."""
    batch_mean: float
    """Of its batch."""
    batch_var: float
    """Of its batch, biased."""
    running_mean: float
    """The module's."""
    running_var: float
    """The module's."""
    gamma: float
    """The module's weight."""
    beta: float
    """The module's bias."""
    eps: float
    """Added to the variance."""
    in_train: float
    """What leaves in train mode."""
    in_eval: float
    """What leaves in eval mode."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The same weights and the same test batches in both modes. What is measured is NaN where the training has diverged.

    A gap is the RMS difference of the outputs in train mode and another, over all samples and units, in standard deviations of
    the output in train mode.
    """

    settings: Settings
    """What was asked for."""
    steps: NDArray[np.int64]
    """(E,) optimizer steps done when it was measured."""
    gap: Floats
    """(E, L+1) gap to eval mode of each batch norm and, last, of the logits."""
    recalibrated: Floats
    """(E, L+1) the same after recalibration."""
    own: Floats
    """(E, L) gap that each batch norm adds by itself: in eval mode it gets the input that it had in train mode."""
    own_theory: Floats
    """(E, L) the same from the statistics alone."""
    changed: Floats
    """(E,) share of predictions that are others in eval mode."""
    changed_recalibrated: Floats
    """(E,) the same after recalibration."""
    error_train: Floats
    """(E,) share of wrong predictions in train mode."""
    error_eval: Floats
    """(E,) share of wrong predictions in eval mode."""
    error_recalibrated: Floats
    """(E,) share of wrong predictions in eval mode after recalibration."""
    left_over: Floats
    """(E,) weight of the initial values in the running statistics."""
    floor: float
    """Gap of one batch norm between a batch of m and exact statistics, for normal values."""
    floor_error: float
    """Standard error of `recalibrated[-1, 0]`."""
    samples: int
    """How many test images were compared."""
    sample: Sample
    """One value, followed through both modes."""
