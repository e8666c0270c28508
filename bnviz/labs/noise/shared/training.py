"""What the topics of the lab `noise` that train have in common.

Index letters: V variants, S replicas (seeds), E recorded points. Shares are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.recalibration import recalibrate
from bnviz.core.replica_data import ReplicaData, steps_per_epoch
from bnviz.core.replicas import Replicas
from bnviz.core.training import Update, evaluate
from bnviz.labs.noise.shared.courses import Courses, Floats
from bnviz.labs.noise.shared.settings import TrainingSettings
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves
from bnviz.study.verdict import SMALLEST_EFFECT, Finding, judge

SECONDS: Final = 90.0


def courses(done: Sequence[Sequence[Update]], per_epoch: int) -> Courses:
    """The points that every variant has reached."""
    reached = learning_curves(done)
    return Courses(
        steps=reached.steps,
        epochs=reached.steps / per_epoch,
        total_steps=reached.total_steps,
        accuracy=reached.accuracy,
        loss=reached.loss,
        diverged_at=reached.diverged_at,
        error=over_seeds(1 - reached.accuracy),
    )


def judged(differences: Floats) -> tuple[Finding, ...]:
    """The finding for each row of `differences` (Q, S), shares of test accuracy."""
    return tuple(judge(row, SMALLEST_EFFECT) for row in differences)


def recalibrated(network: Replicas, data: ReplicaData, settings: TrainingSettings, alive: NDArray[np.bool_]) -> Floats:
    """Test accuracy (S,) with running statistics taken afresh over one epoch without Dropout; NaN where not `alive`.

    The network's own running statistics are put back afterwards.
    """
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        recalibrate(network, data, settings.batch_size, steps_per_epoch(settings.train_size, settings.batch_size))
        _, accuracy, _ = evaluate(network, data)
    finally:
        for buffer, value in kept:
            buffer.copy_(value)
    return np.where(alive, accuracy, np.nan)


def seconds_to_train(settings: TrainingSettings, variants: int, points: int, slow: float = 0.0) -> float:
    """About how long `variants` trainings take on one core; `slow`: nanoseconds more per hidden value and step."""
    steps = settings.epochs * steps_per_epoch(settings.train_size, settings.batch_size)
    replicas, units, samples = settings.seeds, settings.width, settings.batch_size
    weights = units * (64 + 10 + (settings.depth - 1) * units)
    values = settings.depth * units * samples
    per_step = 3e-4 + settings.depth * 2e-4
    per_step += replicas * (0.7e-9 * weights + (3.5 + slow) * 1e-9 * values + 0.7e-10 * weights * samples + 2e-6)
    per_test = replicas * 450 * (5e-11 * weights + 2.5e-9 * settings.depth * units) + 5e-4
    return 0.5 + variants * (steps * per_step + min(steps, points) * per_test)
