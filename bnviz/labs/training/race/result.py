"""What the topic `race` of the lab `training` measures.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), E recorded points, Q = V − 1 pairs: each later variant
against the first. Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.parameters import VariantName
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitMoments:
    """What enters the last hidden layer's activation over one training batch, in training mode."""

    mean: Floats
    """(S,): of the watched unit, over the samples."""
    deviation: Floats
    """(S,): its s.d. over the samples (biased)."""
    expected_mean: Floats
    """(S,): under batch norm β of the unit; NaN under others."""
    expected_deviation: Floats
    """(S,): under batch norm |γ|·√(v/(v + ε)), v the batch variance in front of the normalizer; NaN under others."""
    mean_square: Floats
    """(S,): over samples and all units."""
    input_square: float
    """Mean square of the network's inputs, all replicas."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far."""

    settings: Settings
    """What was asked for."""
    inputs: int
    """Features of a sample."""
    variants: tuple[VariantName, ...]
    """(V,): the normalizers, in the order of the settings."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    accuracy: Floats
    """(V, S, E): share of the test samples classified correctly, in eval mode; NaN once a replica has diverged."""
    loss: Floats
    """(V, S, E): mean cross-entropy on them, in nats."""
    diverged_at: NDArray[np.int64]
    """(V, S): the step of the first loss that is not finite; −1 where there is none."""
    error: OverSeeds
    """(V, E): test error, 1 − `accuracy`, over the replicas that have not diverged; a share."""
    percentiles: Floats
    """(V, S, E, 3): 15, 50, 85 % of what the watched unit's activation receives, over the test set in eval mode."""
    drift: Floats
    """(V, S): range of the median after step 50 (of a short run, after its half) over the last width from 15 to 85 %."""
    drift_mean: Floats
    """(V,): mean of `drift` over seeds."""
    drift_deviation: Floats
    """(V,): its s.d. over seeds (S − 1)."""
    steps_to_goal: Floats
    """(V, S): steps to a test accuracy of 90 %; NaN where it was not reached."""
    pairs: tuple[tuple[VariantName, VariantName], ...]
    """(Q, 2): names a, b of the variants that are compared."""
    differences: Floats
    """(Q, S): accuracy of b − accuracy of a at the last point, seed by seed."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; as shares, 0.01 is one point."""
    drift_differences: Floats
    """(Q, S): drift of b − drift of a."""
    drift_findings: tuple[Finding, ...]
    """(Q,): what these differences say."""
    speed_factors: Floats
    """(Q, S): log10 of steps to 90 % of a / of b; who has not got there counts with the steps done. NaN where neither has, or one
    has diverged."""
    speed_findings: tuple[Finding, ...]
    """(Q,): what the factors say, as logarithms."""
    scale: Floats
    """(V, S, E): γ of the watched unit under batch norm; NaN under others."""
    shift: Floats
    """(V, S, E): β of the watched unit under batch norm; NaN under others."""
    fresh: tuple[UnitMoments, ...]
    """(V,): what the unit's activation receives before training."""
    moments: tuple[UnitMoments, ...]
    """(V,): and at the end; while a variant is still being trained, as in `fresh`."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps
