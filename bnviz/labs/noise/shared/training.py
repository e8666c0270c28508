"""What the topics of the lab `noise` that train have in common.

Index letters: V variants, S replicas (seeds), E recorded points. Shares are in [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.recalibration import recalibrate
from bnviz.core.replica_data import ReplicaData, steps_per_epoch
from bnviz.core.replicas import Replicas
from bnviz.core.training import Update, evaluate
from bnviz.labs.noise.shared.settings import Settings
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

SMALLEST_EFFECT: Final = 0.01  # one point, four or five of 450 test images, as in the lab placement
SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Courses:
    """V trainings side by side.

    `steps` (E,) optimizer steps done, the first is 0; `epochs` (E,) the same in epochs; `total_steps`. `accuracy` (V, S, E):
    share of the 450 test images classified correctly, in eval mode; NaN once a replica has diverged. `loss` (V, S, E): mean
    cross-entropy in nats on them. `diverged_at` (V, S): the step of the first loss that is not finite, −1 where there is none.
    `error`: test error over seeds, each (V, E).
    """

    steps: NDArray[np.int64]
    epochs: Floats
    total_steps: int
    accuracy: Floats
    loss: Floats
    diverged_at: NDArray[np.int64]
    error: OverSeeds

    def error_of(self, variant: int) -> OverSeeds:
        """Test error of one variant over seeds, each (E,)."""
        parts = (getattr(self.error, field.name)[variant] for field in dataclasses.fields(OverSeeds))
        return OverSeeds(*parts)

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps


def courses(done: Sequence[Sequence[Update]], per_epoch: int) -> Courses:
    """The points that every variant has reached."""
    reached = min(map(len, done))
    accuracy, loss = (
        np.array([[getattr(update, name) for update in updates[:reached]] for updates in done]).transpose(0, 2, 1)
        for name in ("accuracy", "loss")
    )
    steps = np.array([update.step for update in done[0][:reached]], dtype=np.int64)
    return Courses(
        steps=steps,
        epochs=steps / per_epoch,
        total_steps=done[0][0].steps,
        accuracy=accuracy,
        loss=loss,
        diverged_at=np.array([updates[reached - 1].diverged_at for updates in done]),
        error=over_seeds(1 - accuracy),
    )


def judged(differences: Floats) -> tuple[Finding, ...]:
    """The finding for each row of `differences` (Q, S), shares of test accuracy."""
    return tuple(judge(row, SMALLEST_EFFECT) for row in differences)


def recalibrated(network: Replicas, data: ReplicaData, settings: Settings, alive: NDArray[np.bool_]) -> Floats:
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


def seconds_to_train(settings: Settings, variants: int, points: int, slow: float = 0.0) -> float:
    """About how long `variants` trainings take on one core; `slow`: nanoseconds more per hidden value and step."""
    steps = settings.epochs * steps_per_epoch(settings.train_size, settings.batch_size)
    replicas, units, samples = settings.seeds, settings.width, settings.batch_size
    weights = units * (64 + 10 + (settings.depth - 1) * units)
    values = settings.depth * units * samples
    per_step = 3e-4 + settings.depth * 2e-4
    per_step += replicas * (0.7e-9 * weights + (3.5 + slow) * 1e-9 * values + 0.7e-10 * weights * samples + 2e-6)
    per_test = replicas * 450 * (5e-11 * weights + 2.5e-9 * settings.depth * units) + 5e-4
    return 0.5 + variants * (steps * per_step + min(steps, points) * per_test)
