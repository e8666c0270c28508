"""The topic `dropout` of the lab `noise`: batch norm with Dropout in front of it, behind it, and Dropout alone.

Index letters: V variants (`VARIANTS`), S replicas (seeds), E recorded points, Q pairs (`PAIRS`), L hidden layers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.replica_data import ReplicaData, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, evaluate, every
from bnviz.labs.noise.dropout.result import BEFORE, PAIRS, RECALIBRATED, VARIANTS, Result
from bnviz.labs.noise.dropout.settings import Settings
from bnviz.labs.noise.shared.courses import Floats
from bnviz.labs.noise.shared.shift import Shift
from bnviz.labs.noise.shared.training import SECONDS, courses, judged, recalibrated, seconds_to_train
from bnviz.labs.noise.shared.variance_shift import measure_shift, network_plan
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import train_interleaved

POINTS: Final = 30
LOOKS: Final = 4
LOOK_PASSES: Final = 2  # more would keep the picture waiting


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)), train_size=settings.train_size)
    per_epoch = steps_per_epoch(settings.train_size, settings.batch_size)
    steps = settings.epochs * per_epoch
    points = every(max(1, math.ceil(steps / POINTS)), steps)
    watch = {points[round(point)] for point in np.linspace(0, len(points) - 1, LOOKS)}
    networks = [build_replicas(variant_plan(settings, variant), data.seeds) for variant in VARIANTS]
    afresh: list[Floats] = []
    shifts: list[tuple[int, Shift]] = []

    def seen(index: int, update: Update) -> None:
        if index == BEFORE:
            afresh.append(recalibrated(networks[index], data, settings, update.diverged_at < 0))
            if update.step in watch:
                shifts.append((update.step, measure_shift(networks[index], data, settings.dropout, LOOK_PASSES)))

    plan = TrainingPlan(steps, settings.batch_size, points, learning_rate=settings.learning_rate)
    return train_interleaved(
        networks, data, plan, on_update, lambda done: _result(settings, data, networks, done, afresh, shifts), seen
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    seconds = seconds_to_train(settings, len(VARIANTS), POINTS, slow=2.0)
    per_look = (
        settings.seeds * settings.depth * settings.train_size * (6e-10 * settings.width**2 + 1e-7 * settings.width)
    )
    seconds += LOOKS * per_look
    check_cost(seconds, SECONDS, ("seeds", "epochs", "depth", "width"))
    refuse_batch_of_one(settings.batch_size, settings.width)
    return seconds


def variant_plan(settings: Settings, variant: str) -> NetworkPlan:
    """The network of one variant; without batch norm, Dropout stands where it does in front of it."""
    if variant == "no_norm":
        plan = network_plan(settings, "dropout_before_norm")
        return dataclasses.replace(plan, normalizer="none", position="none", dropout_order="after_norm")
    return network_plan(settings, variant)  # type: ignore[arg-type] # the other variants are the orders


def _result(
    settings: Settings,
    data: ReplicaData,
    networks: Sequence[Replicas],
    done: Sequence[Sequence[Update]],
    afresh: Sequence[Floats],
    shifts: Sequence[tuple[int, Shift]],
) -> Result:
    """What every variant has reached."""
    reached_by_all = courses(done, steps_per_epoch(settings.train_size, settings.batch_size))
    reached = len(reached_by_all.steps)
    recovered = np.stack(afresh[:reached], axis=1)
    final = dict(zip(VARIANTS, reached_by_all.accuracy[:, :, -1], strict=True)) | {RECALIBRATED: recovered[:, -1]}
    differences = np.stack([final[second] - final[first] for first, second in PAIRS])
    looked_at, shift = [entry for entry in shifts if entry[0] <= reached_by_all.steps[-1]][-1]
    whole = reached_by_all.progress == 1
    return Result(
        settings=settings,
        variants=VARIANTS,
        courses=reached_by_all,
        recalibrated=recovered,
        recalibrated_error=over_seeds(1 - recovered, axis=0),
        train_error=_train_errors(settings, data, networks)
        if whole
        else np.full((len(VARIANTS) + 1, settings.seeds), np.nan),
        pairs=PAIRS,
        differences=differences,
        findings=judged(differences),
        shift=shift,
        looked_at=looked_at,
    )


def _train_errors(settings: Settings, data: ReplicaData, networks: Sequence[Replicas]) -> Floats:
    """Share (V + 1, S) of training images that the finished networks get wrong in eval mode; NaN where diverged."""
    seen = dataclasses.replace(data, test=data.train)
    rows = []
    for network in networks:
        loss, accuracy, _ = evaluate(network, seen)
        rows.append(np.where(np.isfinite(loss), 1 - accuracy, np.nan))
    rows.append(1 - recalibrated(networks[BEFORE], seen, settings, np.isfinite(rows[BEFORE])))
    return np.stack(rows)
