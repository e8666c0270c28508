"""The result of the lab `batch_size`, and how it is put together from what has been measured so far.

Index letters: N normalizers, B batch sizes, S replicas (seeds), E recorded epochs. Shares are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.training import Update
from bnviz.labs.batch_size.error.advice import Advice, Match, advise
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.settings import NetworkName
from bnviz.labs.batch_size.statistics.experiment import Statistics
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

SMALLEST_EFFECT: Final = 0.01  # one point, four or five of 450 test images: about the s.d. of a single seed
NOTHING: Final = judge((), SMALLEST_EFFECT)


@dataclass(frozen=True, slots=True)
class Refusal:
    """PyTorch refuses to train `normalizer` at `batch_size`; `message` is its own."""

    normalizer: str
    batch_size: int
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far; batch sizes in the order of the settings, of which the largest is trained first.

    `normalizers` (N,), `batch_sizes` (B,). `test_error` (N, B, S): share of the 450 test images classified wrongly after the last
    epoch, in eval mode; NaN where training diverged, was refused, or is not done. `error_mean`, `error_deviation`, `error_low`,
    `error_high` (N, B): the same over the seeds that have one. `epochs` (E,): recorded; `errors` (N, B, S, E): test error then.
    `diverged_at` (N, B, S): step of the first loss that is not finite, −1 where there is none. `refusals`: what PyTorch refused.
    `training`: the batch size at work, 0 where none is; `current_epoch`, `current_error` (N,): its newest record, mean over
    seeds; `progress`: share of the run that is done.
    `recalibrated_error` (B, S), `recalibrated_mean` (B,): test error of the networks with batch norm after its statistics were
    recomputed over the whole training set at once.
    `matches` (B,): batch norm against the best of the others, paired; `differences` (B, S): error of batch norm − error of that
    other, seed by seed, NaN where one is missing. `rescues` (B,): error as trained − error recalibrated, paired; more than 0:
    recalibration helps. `remaining` (B,): error recalibrated − error of the best other. `advice`: what follows from the matches.
    `statistics`: of the network trained; `other_statistics`: of the other network. For the first: `mean_noise`,
    `mean_noise_theory`, `fidelity`, `fidelity_theory` (B,).
    """

    settings: Settings
    normalizers: tuple[str, ...]
    batch_sizes: NDArray[np.int64]
    test_error: Floats
    epochs: NDArray[np.int64]
    errors: Floats
    diverged_at: NDArray[np.int64]
    error_mean: Floats
    error_deviation: Floats
    error_low: Floats
    error_high: Floats
    training: int
    current_epoch: int
    current_error: Floats
    progress: float
    refusals: tuple[Refusal, ...]
    recalibrated_error: Floats
    recalibrated_mean: Floats
    matches: tuple[Match, ...]
    differences: Floats
    rescues: tuple[Finding, ...]
    remaining: tuple[Finding, ...]
    advice: Advice
    statistics: Statistics
    other_statistics: Statistics

    @property
    def mean_noise(self) -> Floats:
        """(B,): s.d. of the batch mean in units of the population's s.d., measured; see `Statistics`."""
        return self.statistics.mean_noise

    @property
    def mean_noise_theory(self) -> Floats:
        """(B,): the same in theory."""
        return self.statistics.mean_noise_theory

    @property
    def fidelity(self) -> Floats:
        """(B,): R², squared correlation of batch norm's output with the true standardized value, measured; see `Statistics`."""
        return self.statistics.fidelity

    @property
    def fidelity_theory(self) -> Floats:
        """(B,): the same in theory."""
        return self.statistics.fidelity_theory

    def both_statistics(self) -> dict[NetworkName, Statistics]:
        """Of the MLP and of the CNN."""
        pair = {part.network: part for part in (self.statistics, self.other_statistics)}
        return {"mlp": pair["mlp"], "cnn": pair["cnn"]}


@dataclass
class Board:
    """What a run has measured so far. `total_steps`: optimizer steps of the whole run, of which `steps_done` are done."""

    settings: Settings
    epochs: NDArray[np.int64]
    total_steps: int
    statistics: tuple[Statistics, Statistics]
    steps_done: int = 0
    training: int = 0
    current_epoch: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)
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
        """Enter record `point` of the training of one normalizer at one batch size (both by place)."""
        self.errors[normalizer, batch_size, :, point] = 1 - update.accuracy
        self.diverged_at[normalizer, batch_size] = update.diverged_at
        self.current_epoch = int(self.epochs[point])
        self.current_error[normalizer] = over_seeds(1 - update.accuracy, axis=0).mean

    def result(self) -> Result:
        """All of it, copied, and what follows from it."""
        settings, sizes = self.settings, self.settings.batch_sizes
        done = np.array([place in self.finished for place in range(len(sizes))])
        test_error = np.where(done[None, :, None], self.errors[..., -1], np.nan)
        over = over_seeds(test_error, axis=2)
        compared = [self._match(place, test_error, over) for place in range(len(sizes))]
        matches = tuple(match for match, _ in compared)
        pairs = [self._recalibration(place, test_error, match) for place, match in enumerate(matches)]
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

    def _match(self, place: int, test_error: Floats, over: OverSeeds) -> tuple[Match, Floats]:
        """Batch norm against the best of the others: fewest seeds lost, then least mean error. With the differences (S,)."""
        names, size = self.settings.normalizers, self.settings.batch_sizes[place]
        alive = np.isfinite(test_error[:, place]).sum(1)
        others = [row for row, name in enumerate(names) if name != "batch" and alive[row]]
        best = min(others, key=lambda row: (-alive[row], over.mean[row, place]), default=None)
        refused = any((refusal.normalizer, refusal.batch_size) == ("batch", size) for refusal in self.refusals)
        alternative = "" if best is None else names[best]
        error = np.nan if best is None else float(over.mean[best, place])
        if best is None or refused or "batch" not in names:
            return Match(size, alternative, error, NOTHING, refused), np.full(self.settings.seeds, np.nan)
        difference = test_error[names.index("batch"), place] - test_error[best, place]
        return Match(size, alternative, error, judge(difference, SMALLEST_EFFECT)), difference

    def _recalibration(self, place: int, test_error: Floats, match: Match) -> tuple[Finding, Finding]:
        names, recalibrated = self.settings.normalizers, self.recalibrated[place]
        if not np.isfinite(recalibrated).any():
            return NOTHING, NOTHING
        rescue = judge(test_error[names.index("batch"), place] - recalibrated, SMALLEST_EFFECT)
        if not match.alternative:
            return rescue, NOTHING
        return rescue, judge(recalibrated - test_error[names.index(match.alternative), place], SMALLEST_EFFECT)
