"""What the lab `averages` measures.

Index letters: V variants (`VARIANTS`), Q compared variants (`COMPARED`), S replicas (seeds), E recorded points, K numbers of refill
batches, U watched units. Errors are in %, differences are shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.averages.settings import Settings
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import SHOWS_NOT, Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
VariantName = Literal["raw", "parameters_only", "buffers_averaged", "buffers_copied", "refilled"]

VARIANTS: Final[tuple[VariantName, ...]] = (
    "raw",
    "parameters_only",
    "buffers_averaged",
    "buffers_copied",
    "refilled",
)
COMPARED: Final[tuple[VariantName, ...]] = VARIANTS[1:]
WATCHED: Final = 16
"""Units of the first layer that are looked at, at most: the first ones."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far. What is measured at its end only is NaN until then."""

    settings: Settings
    """What was asked for."""
    variants: tuple[VariantName, ...]
    """(V,): "raw" is the trained model itself; the others have its averaged parameters, and as buffers those of the start
    ("parameters_only"), their average, the trained model's own ("buffers_copied"), or the statistics of training batches ("refilled")."""
    error: Floats
    """(V, S): share of the 450 test images classified wrongly in eval mode at the last point, in %; NaN where a replica has diverged."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    epochs: Floats
    """(E,): the same in epochs."""
    total_steps: int
    """Optimizer steps of the whole run."""
    error_by_point: Floats
    """(V, S, E): `error` at every point, in %; NaN for averages before averaging has begun."""
    over: OverSeeds
    """(V, E): `error_by_point` over seeds, in %."""
    averaged: int
    """How many models are in the average."""
    diverged_at: NDArray[np.int64]
    """(S,): the step of the first loss that is not finite; −1 where there is none."""
    compared: tuple[VariantName, ...]
    """(Q,): the variants that are compared with "raw"."""
    differences: Floats
    """(Q, S): error − error of "raw", seed by seed, as a share."""
    findings: tuple[Finding, ...]
    """(Q,): what the differences say; 0.01 is one point."""
    counts: NDArray[np.int64]
    """(K,): numbers of refill batches."""
    by_count: Floats
    """(K, S): error after refilling with so many batches, in %."""
    count_over: OverSeeds
    """(K,): `by_count` over seeds, in %."""
    count_findings: tuple[Finding, ...]
    """(K,): error after so many batches − after the most, as a share."""
    mean_variance: Floats
    """(U,): mean Σ a_k v_k of the variances that the averaged models' first linear layers give on the first seed's training images."""
    averaged_variance: Floats
    """(U,): variance that the layer with the averaged weights gives there (biased, as `mean_variance`)."""
    spread: Floats
    """(U,): Σ a_k (w_k − w̄)ᵀΣ_x(w_k − w̄), Σ_x the covariance of the images: what theory says lies between the two."""
    held_variance: Floats
    """(V, U): running variance in the first batch norm of each variant (unbiased), first seed."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps

    @property
    def enough(self) -> int:
        """The fewest refill batches from which on no difference to the most shows; 0 while that is not known."""
        alike = [finding.verdict == SHOWS_NOT for finding in self.count_findings]
        first = next((index for index in range(len(alike)) if all(alike[index:])), None)
        return 0 if first is None else int(self.counts[first])
