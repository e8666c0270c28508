"""What an experiment needs that reports while it runs: what its results tell, and how often it should speak."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bnviz.core.replica_data import ReplicaData
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, interleaved, training

EVERY_SECONDS: Final = 0.08

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """What V networks of S replicas have recorded, up to the last of E points that all of them have reached."""

    steps: NDArray[np.int64]
    """(E,): optimizer steps done."""
    total_steps: int
    """Of the whole run."""
    accuracy: NDArray[np.float64]
    """(V, S, E): share of the test samples classified correctly, in eval mode; NaN once a replica has diverged."""
    loss: NDArray[np.float64]
    """(V, S, E): mean cross-entropy on them, in nats."""
    diverged_at: NDArray[np.int64]
    """(V, S): the step of the first loss that is not finite; −1 where there is none."""


def learning_curves(done: Sequence[Sequence[Update]]) -> LearningCurves:
    """The updates `done`, a sequence for each network, as arrays."""
    reached = min(map(len, done))
    rows = [updates[:reached] for updates in done]
    return LearningCurves(
        np.array([update.step for update in rows[0]], dtype=np.int64),
        rows[0][0].steps,
        np.array([[update.accuracy for update in updates] for updates in rows]).transpose(0, 2, 1),
        np.array([[update.loss for update in updates] for updates in rows]).transpose(0, 2, 1),
        np.array([updates[-1].diverged_at for updates in rows]),
    )


class Updates(Generic[R]):
    """Passes partial results on, some twelve a second, and makes only those that it passes on.

    `updates = Updates(on_update)` before the loop, `updates(lambda: partial_result())` in every step of it. Pausing and
    stopping happen inside that call: `on_update` waits, or raises; between two of them, at any piece of work (`bnviz.work`).
    """

    def __init__(self, on_update: Callable[[R], None] | None, every: float = EVERY_SECONDS) -> None:
        self._on_update = on_update
        self._every = every
        self._due = time.monotonic()

    def __call__(self, make: Callable[[], R]) -> None:
        """Pass on what `make` gives, if it is time."""
        if self._on_update is None or time.monotonic() < self._due:
            return
        self._on_update(make())
        self._due = time.monotonic() + self._every


def train_interleaved(
    networks: Sequence[Replicas],
    data: ReplicaData,
    plan: TrainingPlan,
    on_update: Callable[[R], None] | None,
    result: Callable[[Sequence[Sequence[Update]]], R],
    seen: Callable[[int, Update], None] = lambda index, update: None,
) -> R:
    """Train `networks` in turns, one record of each at a time, and return `result` of all their updates.

    `seen(index, update)`: called at each record of a network, which then stands as it was tested. `on_update` gets `result` of what
    there is on the way, once every network has a record.

    Raises: as `bnviz.core.training.training`.
    """
    done: list[list[Update]] = [[] for _ in networks]
    report: Updates[R] = Updates(on_update)

    def heard() -> bool:
        if all(done):
            report(lambda: result(done))
        return False

    for index, update in interleaved([training(network, data, plan, heard) for network in networks]):
        seen(index, update)
        done[index].append(update)
        heard()
    return result(done)
