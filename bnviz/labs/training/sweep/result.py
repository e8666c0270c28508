"""What the topic `sweep` of the lab `training` measures.

Index letters: V variants (the settings' `normalizers`), R learning rates, S seeds, E recorded points, Q = V − 1 pairs: each later
variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.training.shared.parameters import VariantName
from bnviz.labs.training.sweep.settings import Settings
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far."""

    settings: Settings
    """What was asked for."""
    variants: tuple[VariantName, ...]
    """(V,): the normalizers, in the order of the settings."""
    rates: Floats
    """(R,): the learning rates, ascending."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    accuracy: Floats
    """(V, R, S, E): share of the test samples classified correctly, in eval mode; NaN once diverged."""
    diverged_at: NDArray[np.int64]
    """(V, R, S): the step of the first loss that is not finite; −1 where there is none."""
    error: OverSeeds
    """(V, R): test error at the last point over the seeds that have not diverged; a share."""
    largest_rate: Floats
    """(V,): the largest rate at which every seed ends with 90 % or more; NaN where there is none."""
    best: NDArray[np.int64]
    """(V,): index of the rate with the least mean error among those at which no seed diverged; −1 where there is none."""
    pairs: tuple[tuple[VariantName, VariantName], ...]
    """(Q, 2): names a, b of the variants that are compared."""
    tolerance: Floats
    """(Q, S): log10 of the largest rate at which this seed ends with 90 % under b / the same under a; who never gets there counts
    with half the smallest rate."""
    tolerance_findings: tuple[Finding, ...]
    """(Q,): what these say, as logarithms; an interval reaches at least one step of the rates to either side."""
    differences: Floats
    """(Q, S): accuracy of b − accuracy of a in the end, each at its own best rate."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; as shares, 0.01 is one point."""
    start_square: Floats
    """(V, R, S): ‖W‖² of all hidden layers, weights and biases where there are any, in the fresh networks."""
    end_square: Floats
    """(V, R, S): the same now."""
    predicted_square: Floats
    """(V, R, S): ‖W₀‖² + η²Σ‖g‖², what plain SGD makes of it where the gradient is at right angles to the weights."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
