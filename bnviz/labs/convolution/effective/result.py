"""What the topic `effective` of the lab `convolution` measures.

Index letters: B batches, C channels, R resolutions, D distances between pixels, K bins, G points of a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.convolution.effective.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effective:
    """Effective sample sizes of the batch mean, per resolution and channel; what follows them is at the settings' own resolution.

    Infinite where every sample has the same mean, so that the batch mean does not fluctuate at all.
    """

    heights: NDArray[np.int64]
    """(R,) of the resolutions."""
    widths: NDArray[np.int64]
    """(R,) of the resolutions."""
    here: int
    """Index of the settings' own resolution."""
    numbers: NDArray[np.int64]
    """(R,) N·H·W."""
    samples: Floats
    """(R, C) σ² over the variance of the batch mean, measured over B batches."""
    error: Floats
    """(R, C) its standard error."""
    theory: Floats
    """(R, C) N·HW/(1 + (HW − 1)ρ̄)."""
    correlation: Floats
    """(R, C) ρ̄ of the population; 0 where H·W = 1."""
    mean: Floats
    """(C,) of the population."""
    variance: Floats
    """(C,) of the population."""
    batch_means: Floats
    """(B, C) as `nn.BatchNorm2d` found them."""
    spread: Floats
    """(C,) their standard deviation (B − 1)."""
    naive_spread: Floats
    """(C,) what N·H·W independent numbers would give."""
    distances: Floats
    """(D,) in pixels."""
    by_distance: Floats
    """(C, D) mean correlation of two pixels of a sample so far apart."""
    edges: Floats
    """(K+1,) of the histogram of the chosen channel's batch means; empty where they do not fluctuate, as all that follows."""
    density: Floats
    """(K,) of the batch means."""
    grid: Floats
    """(G,) batch means at which the curves are."""
    predicted: Floats
    """(G,) normal density with the effective sample size of the closed form."""
    naive: Floats
    """(G,) normal density with N·H·W."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What the numbers behind one mean of batch norm are worth."""

    settings: Settings
    """What was asked for."""
    effective_samples: Floats
    """(C,) independent samples that the N·H·W numbers behind one mean are worth, measured over 1000 batches."""
    effective_samples_error: Floats
    """(C,) its standard error."""
    effective_samples_theory: Floats
    """(C,) N·HW/(1 + (HW − 1)ρ̄), with the population's ρ̄."""
    effective: Effective
    """The same at several resolutions, and what stands behind it."""
