"""What the topic `steps` of the lab `recurrence` measures.

Index letters: T time steps, P passes (batches), m samples per batch, G gate inputs, N training images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.recurrence.steps.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Padded:
    """One unit's W_x x at each of T steps, sequences cut after their own length and filled up with zeros.

    All but `share` are averages over batches of the batch statistics, as `nn.BatchNorm1d(momentum=None)` keeps them, the variance
    unbiased; NaN where fewer than half of the batches had two real samples.
    """

    share: Floats
    """(T,): share of the samples that are padding."""
    mean: Floats
    """(T,): mean that a module keeps which is given the padded batch."""
    var: Floats
    """(T,): its variance."""
    real_mean: Floats
    """(T,): mean that a module keeps which is given the real samples only."""
    real_var: Floats
    """(T,): its variance."""
    mean_theory: Floats
    """(T,): what the closed form makes of each batch's real samples and its share of padding: `mean`."""
    var_theory: Floats
    """(T,): and `var`."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What P batches of m training images show, sent through one network whose weights stand still.

    Looked at is one term, W_x x or W_h h, in front of any normalizer; where nothing else is said, of one unit.
    """

    settings: Settings
    """What was asked for."""
    passes: int
    """P."""
    unit: int
    """The one among the G whose mean moves from step to step as much as the median unit's."""
    mean: Floats
    """(T,): over all N training images."""
    var: Floats
    """(T,): over all N training images (biased)."""
    batch_mean: Floats
    """(P, T): of each batch."""
    batch_var: Floats
    """(P, T): of each batch (biased)."""
    running_mean: Floats
    """(T,): what T `nn.BatchNorm1d` have kept after the P batches, one per step."""
    running_var: Floats
    """(T,): and their running variances."""
    shared_mean: float
    """What a single `nn.BatchNorm1d` has kept, called at every step."""
    shared_var: float
    """And its running variance."""
    shared_mean_theory: float
    """Expectation of `shared_mean` from the population's moments."""
    shared_var_theory: float
    """Expectation of `shared_var`."""
    shared_mean_error: float
    """S.d. of `shared_mean` over the choice of batches."""
    shared_var_error: float
    """S.d. of `shared_var` over the choice of batches."""
    weights: Floats
    """(T,): by how much `shared_mean` rises where all numbers of one step rise by 1."""
    weights_theory: Floats
    """(T,): the closed form of these weights."""
    drift: float
    """Median over all units of the s.d. over steps of the mean, in standard deviations of the numbers."""
    fluctuation: Floats
    """(T,): RMS over all units of the batch mean's deviation from the population's, in standard deviations; NaN at a step where
    nothing varies."""
    fluctuation_theory: float
    """1/√m, corrected for drawing without replacement."""
    handed_mean: Floats
    """(2, T): mean (RMS over units) of what eval mode passes on of the training images, with statistics per step and shared."""
    handed_deviation: Floats
    """(2, T): its s.d. (mean over units)."""
    padded: Padded
    """What padding makes of the unit's W_x x."""
