"""The run of the topic `race` of the lab `training`: networks with different normalizers, trained on the same splits, weights and batches.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), E recorded points, Q = V − 1 pairs: each later
variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.replica_data import batch_indices, steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import Update
from bnviz.labs.training.race.experiment.unit import affine, drift, first_reaching, unit_moments
from bnviz.labs.training.race.result import Result, UnitMoments
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
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import SMALLEST_EFFECT, judge

Floats = NDArray[np.float64]

SMALLEST_DRIFT: Final = 0.1  # a tenth of the final width: the eye would hardly see less in the figure
SMALLEST_FACTOR: Final = math.log10(1.25)  # steps to 90 %: a quarter more
GOAL: Final = 0.9
POINTS: Final = 64
SETTLED: Final = 50  # steps after which drift counts: before, everything moves


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
    return train_interleaved(networks, samples, plan, on_update, result, seen)


def record_points(steps: int) -> tuple[int, ...]:
    """At most 65 points from 0 to `steps`, denser at the beginning, where more happens."""
    return tuple(sorted({0, *(math.ceil(steps * (number / POINTS) ** 1.5) for number in range(1, POINTS + 1))}))


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
    curves = learning_curves(done)
    accuracy, steps, reached = curves.accuracy, curves.steps, len(curves.steps)
    percentiles = np.array([[update.percentiles for update in updates[:reached]] for updates in done])
    percentiles = percentiles.transpose(0, 2, 1, 3)
    known = np.array([entries[:reached] for entries in affines]).transpose(0, 2, 1, 3)
    moved = drift(percentiles, steps, min(SETTLED, curves.total_steps // 2))
    to_goal = first_reaching(accuracy, steps, GOAL)
    drifted, drift_differences = over_seeds(moved), moved[1:] - moved[:1]
    speed_factors = relative_speeds(accuracy, to_goal, int(steps[-1]))
    differences = accuracy[1:, :, -1] - accuracy[:1, :, -1]
    return Result(
        settings=settings,
        inputs=inputs,
        variants=settings.normalizers,
        steps=steps,
        epochs=steps / per_epoch,
        total_steps=curves.total_steps,
        accuracy=accuracy,
        loss=curves.loss,
        diverged_at=curves.diverged_at,
        error=over_seeds(1 - accuracy),
        percentiles=percentiles,
        drift=moved,
        drift_mean=drifted.mean,
        drift_deviation=drifted.deviation,
        steps_to_goal=to_goal,
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        drift_differences=drift_differences,
        drift_findings=tuple(judge(row, SMALLEST_DRIFT) for row in drift_differences),
        speed_factors=speed_factors,
        speed_findings=tuple(judge(row, SMALLEST_FACTOR) for row in speed_factors),
        scale=known[..., 0],
        shift=known[..., 1],
        fresh=tuple(moments[0]),
        moments=tuple(moments[1]),
    )


def relative_speeds(accuracy: Floats, to_goal: Floats, done: int) -> Floats:
    """log₁₀ of the steps to the goal of the first variant over each other's, (variants − 1, seeds); NaN where neither gets there.

    Who does not get there counts as if it did after the last step.
    """
    there = np.isfinite(to_goal)
    waited = np.log10(np.maximum(np.where(there, to_goal, done), 1))
    waited = np.where(np.isfinite(accuracy[:, :, -1]), waited, np.nan)
    factors: Floats = np.where(there[:1] | there[1:], waited[:1] - waited[1:], np.nan)
    return factors
