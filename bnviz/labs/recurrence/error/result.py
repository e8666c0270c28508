"""What the topic `error` of the lab `recurrence` measures.

Index letters: V variants, S replicas (seeds), E recorded points, Q pairs (`PAIRS`). Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.recurrence.error.settings import Settings
from bnviz.settings import RecurrentVariantName
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
Pair = tuple[RecurrentVariantName, RecurrentVariantName]

PAIRS: Final[tuple[Pair, ...]] = (
    ("batch_per_step", "batch_shared"),
    ("none", "batch_input_only"),
    ("none", "layer"),
    ("none", "batch_per_step"),
)


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far."""

    settings: Settings
    """What was asked for."""
    variants: tuple[RecurrentVariantName, ...]
    """(V,): what is normalized in each network."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    accuracy: Floats
    """(V, S, E): share of the 450 test images classified correctly, in eval mode; NaN once a replica has diverged."""
    loss: Floats
    """(V, S, E): mean cross-entropy on them, in nats."""
    diverged_at: NDArray[np.int64]
    """(V, S): the step of the first loss that is not finite; −1 where there is none."""
    errors: tuple[OverSeeds, ...]
    """(V,): test error over the seeds that have not diverged, each (E,); a share."""
    pairs: tuple[Pair, ...]
    """(Q, 2): names a, b of the variants that are compared."""
    differences: Floats
    """(Q, S): accuracy of b − accuracy of a at the last point, seed by seed."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; as shares, 0.01 is one point."""
    batch_error: Floats
    """(V, S): test error with the statistics of the test images themselves in place of the running ones; of variants without batch
    norm the same as in eval mode."""
    batch_error_step: int
    """The step at which that was measured."""
    updates: NDArray[np.int64]
    """(V,): how many times each `nn.BatchNorm1d` on W_h h has updated its running statistics (of the input-only variant: on W_x x;
    0 where there is none)."""
    left_over: Floats
    """(E,): running variance of the module for W_h h at the first step, where h = 0, so that every batch variance is 0 and what is
    left is the initial value's weight."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
