"""The topic `race` of the lab `training`: networks with different normalizers, trained on the same splits, weights and batches.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), E recorded points, Q = V − 1 pairs: each later
variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.replica_data import batch_indices, steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import Update
from bnviz.labs.training.race.experiment.measure import UnitMoments, affine, drift, first_reaching, unit_moments
from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.networks import (
    Table,
    check,
    network_plan,
    shape,
    step_seconds,
    total_steps,
    training_data,
    training_plan,
)
from bnviz.labs.training.shared.settings import VariantName
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

SMALLEST_EFFECT: Final = 0.01  # accuracy: one point, four or five of 450 test images
SMALLEST_DRIFT: Final = 0.1  # a tenth of the final width: the eye would hardly see less in the figure
SMALLEST_FACTOR: Final = math.log10(1.25)  # steps to 90 %: a quarter more
GOAL: Final = 0.9
POINTS: Final = 64
SETTLED: Final = 50  # steps after which drift counts: before, everything moves


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far.

    `inputs`: features of a sample. `variants` (V,). `steps` (E,) optimizer steps done, the first is 0; `epochs`
    (E,) the same in epochs; `total_steps`. `accuracy` (V, S, E): share of the test samples classified correctly, in eval
    mode; NaN once a replica has diverged. `loss` (V, S, E): mean cross-entropy in nats on them. `diverged_at` (V, S): the
    step of the first loss that is not finite,
    −1 where there is none. `error`, `error_deviation` (V, E): mean test error and its s.d. (S − 1) over replicas that have not
    diverged; `error_low`, `error_high` (V, E): the best and the worst of them.
    `percentiles` (V, S, E, 3): 15, 50, 85 % of what the watched unit's activation receives, over the test set in eval mode.
    `drift` (V, S): range of the median after step 50 (of a short run, after its half), over the last 15–85 width.
    `drift_mean`, `drift_deviation` (V,): its mean and s.d. over seeds.
    `steps_to_goal` (V, S): steps to a test accuracy of 90 %; NaN where it was not reached.
    `pairs` (Q, 2): names a, b. `differences` (Q, S): accuracy of b − accuracy of a at the last point, seed by seed;
    `difference_mean` (Q,), `difference_ci95` (Q, 2) and `findings` (Q,). `drift_differences` (Q, S): drift of b − drift of a;
    `drift_findings` (Q,). `speed_factors` (Q, S): log10 of (steps to 90 % of a / of b), where who has not got there counts
    with the steps done; NaN where neither has, or one has diverged. `speed_findings` (Q,).
    `scale`, `shift` (V, S, E): γ and β of the watched unit under batch norm, NaN under others.
    `fresh`, `moments` (V): what the unit's activation receives before training and now (`UnitMoments`); before a variant's end, its
    `moments` are those of the fresh networks.
    """

    settings: Settings
    inputs: int
    variants: tuple[VariantName, ...]
    steps: NDArray[np.int64]
    epochs: Floats
    total_steps: int
    accuracy: Floats
    loss: Floats
    diverged_at: NDArray[np.int64]
    error: Floats
    error_deviation: Floats
    error_low: Floats
    error_high: Floats
    percentiles: Floats
    drift: Floats
    drift_mean: Floats
    drift_deviation: Floats
    steps_to_goal: Floats
    pairs: tuple[tuple[VariantName, VariantName], ...]
    differences: Floats
    difference_mean: Floats
    difference_ci95: Floats
    findings: tuple[Finding, ...]
    drift_differences: Floats
    drift_findings: tuple[Finding, ...]
    speed_factors: Floats
    speed_findings: tuple[Finding, ...]
    scale: Floats
    shift: Floats
    fresh: tuple[UnitMoments, ...]
    moments: tuple[UnitMoments, ...]

    def error_of(self, variant: int) -> OverSeeds:
        """Test error of one variant over seeds, each (E,)."""
        values = (self.error, self.error_deviation, self.error_low, self.error_high)
        return OverSeeds(*(value[variant] for value in values))

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps


def run(settings: Settings, data: Table | None = None, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns and return what was measured; `on_update` gets partial results on the way.

    `data`: the visitor's own table, where the source is `upload`.
    Raises: CostError where the settings ask for too much; BatchOfOneError; UploadError.
    """
    estimated_seconds(settings, data)
    samples = training_data(settings, settings.replica_seeds, data)
    steps = total_steps(settings, data)
    points = record_points(steps)
    networks = [build_replicas(network_plan(settings, samples, name), samples.seeds) for name in settings.normalizers]
    batch = batch_indices(samples, settings.batch_size, 1)[0]
    fresh = [unit_moments(network, samples, batch, settings.unit) for network in networks]
    affines: list[list[Floats]] = [[] for _ in networks]
    last = list(fresh)
    inputs = samples.features.shape[1]
    per_epoch = steps_per_epoch(shape(settings, data)[2], settings.batch_size)

    def seen(index: int, update: Update) -> None:
        affines[index].append(affine(networks[index], settings.unit))
        if update.step == steps:
            last[index] = unit_moments(networks[index], samples, batch, settings.unit)

    def result(done: Sequence[Sequence[Update]]) -> Result:
        return _result(settings, done, affines, (fresh, last), per_epoch, inputs)

    plan = training_plan(settings, steps, points, settings.learning_rate, settings.unit)
    return train_in_turns(networks, samples, plan, on_update, result, seen)


def record_points(steps: int) -> tuple[int, ...]:
    """At most 65 points from 0 to `steps`, denser at the beginning, where more happens."""
    return tuple(sorted({0, *(math.ceil(steps * (place / POINTS) ** 1.5) for place in range(1, POINTS + 1))}))


def estimated_seconds(settings: Settings, data: Table | None = None) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    step, test = step_seconds(settings, settings.seeds, table=data)
    steps = total_steps(settings, data)
    seconds = 0.5 + len(settings.normalizers) * (steps * step + min(steps, POINTS) * test)
    return check(settings, seconds, ("seeds", "epochs", "depth", "width", "normalizers"))


def _result(
    settings: Settings,
    done: Sequence[Sequence[Update]],
    affines: Sequence[Sequence[Floats]],
    moments: tuple[Sequence[UnitMoments], Sequence[UnitMoments]],
    per_epoch: int,
    inputs: int,
) -> Result:
    """The points that every variant has reached."""
    reached = min(map(len, done))
    courses = [updates[:reached] for updates in done]
    accuracy = np.array([[update.accuracy for update in updates] for updates in courses]).transpose(0, 2, 1)
    loss = np.array([[update.loss for update in updates] for updates in courses]).transpose(0, 2, 1)
    percentiles = np.array([[update.percentiles for update in updates] for updates in courses]).transpose(0, 2, 1, 3)
    known = np.array([entries[:reached] for entries in affines]).transpose(0, 2, 1, 3)
    steps = np.array([update.step for update in courses[0]], dtype=np.int64)
    total = courses[0][0].steps
    error = over_seeds(1 - accuracy)
    moved = drift(percentiles, steps, min(SETTLED, total // 2))
    to_goal = first_reaching(accuracy, steps, GOAL)
    drifted, drift_differences = over_seeds(moved), moved[1:] - moved[:1]
    speed_factors = _speed_factors(accuracy, to_goal, int(steps[-1]))
    differences = accuracy[1:, :, -1] - accuracy[:1, :, -1]
    findings = tuple(judge(row, SMALLEST_EFFECT) for row in differences)
    return Result(
        settings=settings,
        inputs=inputs,
        variants=settings.normalizers,
        steps=steps,
        epochs=steps / per_epoch,
        total_steps=total,
        accuracy=accuracy,
        loss=loss,
        diverged_at=np.array([updates[-1].diverged_at for updates in courses]),
        error=error.mean,
        error_deviation=error.deviation,
        error_low=error.low,
        error_high=error.high,
        percentiles=percentiles,
        drift=moved,
        drift_mean=drifted.mean,
        drift_deviation=drifted.deviation,
        steps_to_goal=to_goal,
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        differences=differences,
        difference_mean=np.array([finding.mean for finding in findings]),
        difference_ci95=np.array([[finding.low, finding.high] for finding in findings]).reshape(-1, 2),
        findings=findings,
        drift_differences=drift_differences,
        drift_findings=tuple(judge(row, SMALLEST_DRIFT) for row in drift_differences),
        speed_factors=speed_factors,
        speed_findings=tuple(judge(row, SMALLEST_FACTOR) for row in speed_factors),
        scale=known[..., 0],
        shift=known[..., 1],
        fresh=tuple(moments[0]),
        moments=tuple(moments[1]),
    )


def _speed_factors(accuracy: Floats, to_goal: Floats, done: int) -> Floats:
    there = np.isfinite(to_goal)
    waited = np.log10(np.maximum(np.where(there, to_goal, done), 1))
    waited = np.where(np.isfinite(accuracy[:, :, -1]), waited, np.nan)
    factors: Floats = np.where(there[:1] | there[1:], waited[:1] - waited[1:], np.nan)
    return factors
