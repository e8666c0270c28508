"""What a run of the topic `error` has measured so far, and the `Result` that follows from it.

Index letters: those of `Result`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.training import Update
from bnviz.labs.batch_size.error.advice import Match, advise
from bnviz.labs.batch_size.error.result import Refusal, Result
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.verdict import SMALLEST_EFFECT, Finding, judge

Floats = NDArray[np.float64]

NOTHING: Final = judge((), SMALLEST_EFFECT)


@dataclass
class Records:
    """What a run has measured so far; see `Result`."""

    settings: Settings
    epochs: NDArray[np.int64]
    total_steps: int
    """Optimizer steps of the whole run."""
    statistics: tuple[Statistics, Statistics]
    steps_done: int = 0
    training: int = 0
    current_epoch: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)
    """Batch sizes that are done, by index."""
    errors: Floats = field(init=False)
    diverged_at: NDArray[np.int64] = field(init=False)
    recalibrated: Floats = field(init=False)
    current_error: Floats = field(init=False)

    def __post_init__(self) -> None:
        shape = (len(self.settings.normalizers), len(self.settings.batch_sizes), self.settings.seeds)
        self.errors = np.full((*shape, len(self.epochs)), np.nan)
        self.diverged_at = np.full(shape, -1, dtype=np.int64)
        self.recalibrated = np.full(shape[1:], np.nan)
        self.begin(0)

    def begin(self, batch_size: int) -> None:
        """The run is at work on `batch_size` now; 0: on none."""
        self.training, self.current_epoch = batch_size, 0
        self.current_error = np.full(len(self.settings.normalizers), np.nan)

    def record(self, normalizer: int, batch_size: int, point: int, update: Update) -> None:
        """Enter record `point` of the training of one normalizer at one batch size (both by index)."""
        self.errors[normalizer, batch_size, :, point] = 1 - update.accuracy
        self.diverged_at[normalizer, batch_size] = update.diverged_at
        self.current_epoch = int(self.epochs[point])
        self.current_error[normalizer] = over_seeds(1 - update.accuracy, axis=0).mean

    def result(self) -> Result:
        """All of it, copied, and what follows from it."""
        settings, sizes = self.settings, self.settings.batch_sizes
        done = np.array([column in self.finished for column in range(len(sizes))])
        test_error = np.where(done[None, :, None], self.errors[..., -1], np.nan)
        over = over_seeds(test_error, axis=2)
        compared = [self._match(column, test_error, over) for column in range(len(sizes))]
        matches = tuple(match for match, _ in compared)
        pairs = [self._recalibration(column, test_error, match) for column, match in enumerate(matches)]
        return Result(
            settings=settings,
            normalizers=settings.normalizers,
            batch_sizes=np.array(sizes, dtype=np.int64),
            test_error=test_error,
            epochs=self.epochs,
            errors=self.errors.copy(),
            diverged_at=self.diverged_at.copy(),
            error_mean=over.mean,
            error_deviation=over.deviation,
            error_low=over.low,
            error_high=over.high,
            training=self.training,
            current_epoch=self.current_epoch,
            current_error=self.current_error.copy(),
            progress=self.steps_done / self.total_steps if self.total_steps else 1.0,
            refusals=tuple(self.refusals),
            recalibrated_error=self.recalibrated.copy(),
            recalibrated_mean=over_seeds(self.recalibrated).mean,
            matches=matches,
            differences=np.stack([difference for _, difference in compared]),
            rescues=tuple(rescue for rescue, _ in pairs),
            remaining=tuple(remaining for _, remaining in pairs),
            advice=advise(matches),
            statistics=self.statistics[0],
            other_statistics=self.statistics[1],
        )

    def _match(self, column: int, test_error: Floats, over: OverSeeds) -> tuple[Match, Floats]:
        """Batch norm against the best of the others: fewest seeds lost, then least mean error. With the differences (S,)."""
        names, size = self.settings.normalizers, self.settings.batch_sizes[column]
        alive = np.isfinite(test_error[:, column]).sum(1)
        others = [row for row, name in enumerate(names) if name != "batch" and alive[row]]
        best = min(others, key=lambda row: (-alive[row], over.mean[row, column]), default=None)
        refused = any((refusal.normalizer, refusal.batch_size) == ("batch", size) for refusal in self.refusals)
        alternative = "" if best is None else names[best]
        error = np.nan if best is None else float(over.mean[best, column])
        if best is None or refused or "batch" not in names:
            return Match(size, alternative, error, NOTHING, refused), np.full(self.settings.seeds, np.nan)
        difference = test_error[names.index("batch"), column] - test_error[best, column]
        return Match(size, alternative, error, judge(difference, SMALLEST_EFFECT)), difference

    def _recalibration(self, column: int, test_error: Floats, match: Match) -> tuple[Finding, Finding]:
        names, recalibrated = self.settings.normalizers, self.recalibrated[column]
        if not np.isfinite(recalibrated).any():
            return NOTHING, NOTHING
        rescue = judge(test_error[names.index("batch"), column] - recalibrated, SMALLEST_EFFECT)
        if not match.alternative:
            return rescue, NOTHING
        return rescue, judge(recalibrated - test_error[names.index(match.alternative), column], SMALLEST_EFFECT)
