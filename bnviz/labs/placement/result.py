"""What the lab `placement` measures.

Index letters: P positions (`POSITIONS`), S replicas (seeds), E recorded points, Q pairs (`PAIRS`), T looks, L hidden layers, K bins.
Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.placement.settings import Settings
from bnviz.settings import PositionName
from bnviz.study.histogram import Histogram
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
Pair = tuple[PositionName, PositionName]

POSITIONS: Final[tuple[PositionName, ...]] = ("none", "before", "after")
PAIRS: Final[tuple[Pair, ...]] = (("before", "after"), ("none", "before"), ("none", "after"))


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far."""

    settings: Settings
    """What was asked for."""
    positions: tuple[PositionName, ...]
    """(P,): where batch norm stands in each network."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    accuracy: Floats
    """(P, S, E): share of the 450 test images classified correctly, in eval mode; NaN once a replica has diverged."""
    loss: Floats
    """(P, S, E): mean cross-entropy on the test images, in nats."""
    diverged_at: NDArray[np.int64]
    """(P, S): the step of the first loss that is not finite; −1 where there is none."""
    error: OverSeeds
    """(P, E): test error, 1 − `accuracy`, over the replicas that have not diverged; a share."""
    pairs: tuple[Pair, ...]
    """(Q, 2): the positions a, b that are compared."""
    differences: Floats
    """(Q, S): accuracy of b − accuracy of a at the last point, seed by seed."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; as shares, 0.01 is one point."""
    look_steps: NDArray[np.int64]
    """(T,): steps at which what passes through the networks was looked at, on at least 256 images per replica, in training mode."""
    received: Histogram
    """Counts (P, T, L, K) of what the activations receive."""
    passed: Histogram
    """Counts (P, T, L, K) of what the next layers receive."""
    saturated: Floats
    """(P, T, L): share of activation inputs where |φ′| is below 5 % of its maximum."""
    dead: Floats
    """(P, T, L): share of units whose every input is such."""
    received_variance: Floats
    """(P, L): of what the activations receive in the fresh networks: biased variance per unit over samples, averaged over units."""
    passed_mean: Floats
    """(P, L): of what the next layers receive in the fresh networks: mean per unit over samples, averaged over units."""
    passed_mean_error: Floats
    """(P, L): scatter of these means over the n units, divided by √n."""
    passed_variance: Floats
    """(P, L): as `received_variance`, of what the next layers receive."""
    passed_variance_error: Floats
    """(P, L): scatter of these variances over the n units, divided by √n."""
    bias_effect: float
    """Of batch norm before the activation: see `bias_effects`."""
    bias_gradient: float
    """Of batch norm before the activation: see `bias_gradients`."""
    bias_effects: Floats
    """(P,): largest change of a logit when N(0, 1) is added to the `nn.Linear` output of every hidden unit."""
    bias_gradients: Floats
    """(P,): largest gradient of the loss with respect to any of these biases."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
