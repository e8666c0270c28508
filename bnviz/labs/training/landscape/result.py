"""What the topic `landscape` of the lab `training` measures.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), T looks at the network while it is trained, K step sizes,
Q = V − 1 pairs: each later variant against the first. What belongs to a replica that has diverged is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.training.landscape.settings import Settings
from bnviz.labs.training.shared.parameters import VariantName
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
    look_steps: NDArray[np.int64]
    """(T,): optimizer steps done at each look."""
    total_steps: int
    """Optimizer steps of the whole run."""
    steps_per_epoch: int
    """Optimizer steps of an epoch."""
    sizes: Floats
    """(K,): step sizes along the gradient, ascending."""
    start_loss: Floats
    """(V, S, T): mean cross-entropy of the next training batch, in training mode, in nats."""
    gradient_norm: Floats
    """(V, S, T): length of its gradient."""
    loss: Floats
    """(V, S, T, K): of the same batch after a step of each size along the gradient, in nats."""
    gradient_change: Floats
    """(V, S, T, K): Euclidean distance of the gradient there from the first one."""
    range: Floats
    """(V, S, T): largest minus least loss over the start and all sizes, in nats."""
    range_mean: Floats
    """(V, T): geometric mean of `range` over seeds."""
    range_low: Floats
    """(V, T): the least of it."""
    range_high: Floats
    """(V, T): the largest of it."""
    change: Floats
    """(V, S, T): largest gradient change."""
    relative_change: Floats
    """(V, S, T): the same over the gradient's length."""
    relative_mean: Floats
    """(V, T): geometric mean of `relative_change` over seeds."""
    relative_low: Floats
    """(V, T): the least of it."""
    relative_high: Floats
    """(V, T): the largest of it."""
    pairs: tuple[tuple[VariantName, VariantName], ...]
    """(Q, 2): names a, b of the variants that are compared."""
    range_factors: Floats
    """(Q, S): log10 of `range` of b over that of a, mean over looks."""
    range_findings: tuple[Finding, ...]
    """(Q,): what these say, as logarithms."""
    change_factors: Floats
    """(Q, S): log10 of `change` of b over that of a, mean over looks."""
    change_findings: tuple[Finding, ...]
    """(Q,): what these say, as logarithms."""
    relative_factors: Floats
    """(Q, S): log10 of `relative_change` of b over that of a, mean over looks."""
    relative_findings: tuple[Finding, ...]
    """(Q,): what these say, as logarithms."""
    slope: Floats
    """(V, S, T): (loss at a tiny step − at 0) / step."""
    slope_expected: Floats
    """(V, S, T): −‖g‖², what it is to first order."""
    bend: Floats
    """(V, S, T): gradient change at the tiny step / step."""
    bend_expected: Floats
    """(V, S, T): ‖Hg‖, what it is to first order; H is the matrix of second derivatives."""
    curvature: Floats
    """(V, S, T): gᵀHg."""
    accuracy: Floats
    """(V, S, T): share of the test samples classified correctly, in eval mode."""
    diverged_at: NDArray[np.int64]
    """(V, S): the step of the first loss that is not finite; −1 where there is none."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.look_steps[-1]) / self.total_steps
