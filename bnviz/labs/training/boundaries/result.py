"""What the topic `boundaries` of the lab `training` measures.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), E recorded points, T looks, G places per axis, n training
points, Q = V − 1 pairs: each later variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.training.boundaries.settings import Settings
from bnviz.labs.training.shared.parameters import VariantName
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
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    accuracy: Floats
    """(V, S, E): share of the test points classified correctly, in eval mode; NaN once a replica has diverged."""
    diverged_at: NDArray[np.int64]
    """(V, S): the step of the first loss that is not finite; −1 where there is none."""
    error: OverSeeds
    """(V, E): test error, 1 − `accuracy`, over the replicas that have not diverged; a share."""
    pairs: tuple[tuple[VariantName, VariantName], ...]
    """(Q, 2): names a, b of the variants that are compared."""
    differences: Floats
    """(Q, S): accuracy of b − accuracy of a at the last point, seed by seed."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; as shares, 0.01 is one point."""
    axis: Floats
    """(G,): places along both axes."""
    latest: Floats
    """(V, G, G), first the row y: P(class 1) that the first seed's network gives, in eval mode; NaN where it has diverged."""
    look_steps: NDArray[np.int64]
    """(T,): some points of the run."""
    looks: Floats
    """(V, T, G, G): as `latest`, at these points."""
    points: Floats
    """(n, 2): what the first seed is trained on."""
    labels: NDArray[np.int64]
    """(n,): the classes of these points."""
    best: Floats
    """(G, G): P(class 1) by the law that the points are drawn from; NaN for a visitor's own table, whose law nobody knows."""
    best_accuracy: float
    """Expected accuracy of who decides by that law; NaN where nobody knows it."""
    best_hits: Floats
    """(S,): accuracy of that rule on each seed's test points; NaN where nobody knows it."""
    tested: int
    """Test points per seed."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
