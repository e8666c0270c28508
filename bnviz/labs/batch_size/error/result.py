"""What the topic `error` of the lab `batch_size` measures.

Index letters: N normalizers, B batch sizes, S replicas (seeds), E recorded epochs. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.batch_size.error.advice import Advice, Match
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.parameters import NetworkName
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Refusal:
    """PyTorch refuses to train a normalizer at a batch size."""

    normalizer: str
    """Which."""
    batch_size: int
    """Where."""
    message: str
    """PyTorch's own words."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far; batch sizes in the order of the settings, of which the largest is trained first."""

    settings: Settings
    """What was asked for."""
    normalizers: tuple[str, ...]
    """(N,) names."""
    batch_sizes: NDArray[np.int64]
    """(B,) samples per batch."""
    test_error: Floats
    """(N, B, S) share of the 450 test images classified wrongly after the last epoch, in eval mode; NaN where training diverged,
    was refused, or is not done."""
    epochs: NDArray[np.int64]
    """(E,) the recorded epochs."""
    errors: Floats
    """(N, B, S, E) test error then."""
    diverged_at: NDArray[np.int64]
    """(N, B, S) step of the first loss that is not finite, −1 where there is none."""
    error_mean: Floats
    """(N, B) mean of `test_error` over the seeds that have one."""
    error_deviation: Floats
    """(N, B) their standard deviation."""
    error_low: Floats
    """(N, B) the best seed's."""
    error_high: Floats
    """(N, B) the worst seed's."""
    training: int
    """The batch size at work, 0 where none is."""
    current_epoch: int
    """Its newest record."""
    current_error: Floats
    """(N,) test error then, mean over seeds."""
    progress: float
    """Share of the run that is done."""
    refusals: tuple[Refusal, ...]
    """What PyTorch refused."""
    recalibrated_error: Floats
    """(B, S) test error of the networks with batch norm after its statistics were recomputed over the whole training set at once."""
    recalibrated_mean: Floats
    """(B,) its mean over seeds."""
    matches: tuple[Match, ...]
    """(B,) batch norm against the best of the others, paired."""
    differences: Floats
    """(B, S) error of batch norm − error of that other, seed by seed, NaN where one is missing."""
    rescues: tuple[Finding, ...]
    """(B,) error as trained − error recalibrated, paired; more than 0: recalibration helps."""
    remaining: tuple[Finding, ...]
    """(B,) error recalibrated − error of the best other, paired."""
    advice: Advice
    """What follows from the matches."""
    statistics: Statistics
    """Of the first batch norm of the network that is trained, before training."""
    other_statistics: Statistics
    """Of the other network's."""

    @property
    def rescued(self) -> int | None:
        """Column of the smallest batch size of which it is known what recalibration does."""
        known = [column for column, finding in enumerate(self.rescues) if math.isfinite(finding.mean)]
        return min(known, key=lambda column: int(self.batch_sizes[column]), default=None)

    def both_statistics(self) -> dict[NetworkName, Statistics]:
        """Of the MLP and of the CNN."""
        by_network = {part.network: part for part in (self.statistics, self.other_statistics)}
        return {"mlp": by_network["mlp"], "cnn": by_network["cnn"]}
