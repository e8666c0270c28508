"""What the lab `adaptation` measures.

Index letters: K source weights, S replicas (seeds), C units of the hidden layer. Errors are in %, in eval mode of everything but the
statistics. The mean's error is that of each seed's typical unit, the one whose σ²/Δ² is nearest to N*, in units of σ².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.adaptation.settings import Settings
from bnviz.study.over_seeds import OverSeeds
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]

GRID: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
"""The source weights that every run compares."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured."""

    settings: Settings
    """What was asked for."""
    source_weights: Floats
    """(K,): N, the grid with the chosen one; 0 is the test batch alone."""
    chosen: int
    """Index of the chosen weight."""
    error: Floats
    """(K,): test error in %, batches drawn at random, mean over seeds."""
    error_sorted: Floats
    """(K,): the same with batches cut from a stream that is sorted by class."""
    error_by_seed: Floats
    """(K, S): `error` of each seed."""
    error_source_by_seed: Floats
    """(S,): `error_source` of each seed."""
    over: OverSeeds
    """(K,): `error` over seeds, in %."""
    over_sorted: OverSeeds
    """(K,): `error_sorted` over seeds, in %."""
    error_unshifted: float
    """Test error in % of the images as they were, with the statistics from training, mean over seeds."""
    error_source: float
    """Test error in % of the shifted images with the statistics from training (N = ∞), mean over seeds."""
    error_target: float
    """Test error in % of the shifted images with the statistics of all of them at once, mean over seeds."""
    best_theory: float
    """N* = σ²/Δ², geometric mean over hidden units and seeds (N is compared by factors): σ² a unit's variance over the changed images,
    Δ the shift of its mean against the running mean from training."""
    best_measured: float
    """The weight of the grid with the least `error`; of several, the middle one."""
    unit_best: Floats
    """(S, C): σ²/Δ² of every unit."""
    mean_error: Floats
    """(K,): measured squared error of the typical unit's mean, in σ², over batches and seeds."""
    mean_error_theory: Floats
    """(K,): predicted, (N²Δ² + nσ²f)/((N + n)²σ²), f = (M − n)/(M − 1) for batches without replacement from M images."""
    mean_error_error: Floats
    """(K,): standard error of `mean_error`."""
    typical: tuple[float, float]
    """σ² and Δ of the first seed's typical unit."""
