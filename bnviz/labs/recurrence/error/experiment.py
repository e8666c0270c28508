"""The run of the topic `error` of the lab `recurrence`: test error by what is normalized, on the same splits, weights and batches.

Index letters: V variants (`VARIANTS`), S replicas (seeds), E recorded points, Q pairs (`PAIRS`). Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.recurrent import GATES
from bnviz.core.recurrent_networks import build_recurrent, layer_and_output
from bnviz.core.replica_data import ReplicaData, digits_data, steps_per_epoch
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, every, predicted
from bnviz.labs.recurrence.error.result import PAIRS, Result
from bnviz.labs.recurrence.error.settings import Settings
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.shared.parameters import PIXELS, TRAINING_IMAGES, VARIANTS
from bnviz.settings import RecurrentVariantName
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import SMALLEST_EFFECT, judge

Floats = NDArray[np.float64]

POINTS: Final = 21
LOOK_EVERY: Final = 5  # points between two tests with the statistics of the test images, which cost as much as a point
SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of one variant at one point."""

    batch_error: Floats | None
    """(S,): test error with the test images' own statistics; None where it was not measured."""
    updates: int
    """Of the running statistics of each module."""
    left_over: float
    """Weight of their initial value; NaN but for statistics per step."""


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns and return what was measured; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    plan = TrainingPlan(
        steps,
        settings.batch_size,
        every(max(1, math.ceil(steps / POINTS)), steps),
        learning_rate=settings.learning_rate,
        optimizer="adam",
    )
    networks = [build_recurrent(plan_of(settings, variant, settings.momentum), data.seeds) for variant in VARIANTS]
    looks: list[list[_Look]] = [[] for _ in VARIANTS]

    def seen(index: int, update: Update) -> None:
        whole = len(looks[index]) % LOOK_EVERY == 0 or update.step == steps
        looks[index].append(_look(networks[index], VARIANTS[index], data, update, whole=whole))

    return train_interleaved(networks, data, plan, on_update, lambda done: _result(settings, done, looks), seen)


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    gates = GATES[settings.cell] * settings.width
    multiplied = gates * (settings.width + PIXELS / settings.steps)
    per_sample = 6e-11 * multiplied + 1.2e-8 * gates
    per_step = settings.steps * (2e-4 + settings.seeds * (1e-9 * multiplied + settings.batch_size * per_sample))
    per_test = settings.steps * (1e-4 + settings.seeds * 450 * per_sample / 2)
    seconds = 0.5 + 0.72 * len(VARIANTS) * (steps * per_step + min(steps, POINTS) * per_test)
    check_cost(seconds, SECONDS, ("seeds", "epochs", "width", "sequence"))
    refuse_batch_of_one(settings.batch_size, settings.width)
    return seconds


def _look(network: Replicas, variant: RecurrentVariantName, data: ReplicaData, update: Update, *, whole: bool) -> _Look:
    """Nothing is left changed by it; `whole`: with the error that the statistics of the test images give."""
    layer, _ = layer_and_output(network)
    norms = layer.input_norms if variant == "batch_input_only" else layer.hidden_norms
    first = getattr(norms[0], "norm", None) if len(norms) else None
    if not isinstance(first, nn.BatchNorm1d) or first.num_batches_tracked is None or first.running_var is None:
        return _Look(1 - update.accuracy if whole else None, 0, math.nan)
    return _Look(
        _batch_error(network, data, update) if whole else None,
        int(first.num_batches_tracked),
        float(first.running_var.mean()) if variant == "batch_per_step" else math.nan,
    )


@torch.no_grad()
def _batch_error(network: Replicas, data: ReplicaData, update: Update) -> Floats:
    """Test error (S,) in training mode, all test images as one batch; running statistics are put back."""
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    was_training = network.training
    try:
        samples, labels = data.samples(data.test)
        right = (predicted(network.train()(samples)) == labels).double().mean(1)
    finally:
        network.train(was_training)
        for buffer, value in kept:
            buffer.copy_(value)
    return np.where(update.diverged_at >= 0, np.nan, 1 - right.numpy())


def _result(settings: Settings, done: Sequence[Sequence[Update]], looks: Sequence[Sequence[_Look]]) -> Result:
    """The points that every variant has reached."""
    curves = learning_curves(done)
    accuracy, steps, reached = curves.accuracy, curves.steps, len(curves.steps)
    pairs = [(VARIANTS.index(first), VARIANTS.index(second)) for first, second in PAIRS]
    differences = np.stack([accuracy[second, :, -1] - accuracy[first, :, -1] for first, second in pairs])
    per_step = looks[VARIANTS.index("batch_per_step")][:reached]
    last = [entries[reached - 1] for entries in looks]
    tested = max(index for index in range(reached) if looks[0][index].batch_error is not None)
    return Result(
        settings=settings,
        variants=VARIANTS,
        steps=steps,
        epochs=steps / steps_per_epoch(TRAINING_IMAGES, settings.batch_size),
        total_steps=curves.total_steps,
        accuracy=accuracy,
        loss=curves.loss,
        diverged_at=curves.diverged_at,
        errors=tuple(over_seeds(1 - values, axis=0) for values in accuracy),
        pairs=PAIRS,
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        batch_error=np.array([entries[tested].batch_error for entries in looks]),
        batch_error_step=int(steps[tested]),
        updates=np.array([entry.updates for entry in last], dtype=np.int64),
        left_over=np.array([entry.left_over for entry in per_step]),
    )
