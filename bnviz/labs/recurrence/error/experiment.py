"""Topic `error` of the lab `recurrence`: test error by what is normalized, on the same splits, weights and batches.

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

from bnviz.core.recurrent import GATES, VariantName
from bnviz.core.recurrent_networks import build_recurrent, recurrent_parts
from bnviz.core.replica_data import ReplicaData, digits_data, steps_per_epoch
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, every, predicted
from bnviz.errors import BatchOfOneError
from bnviz.labs.recurrence.error.settings import Settings
from bnviz.labs.recurrence.shared.batches import plan_of
from bnviz.labs.recurrence.shared.settings import PIXELS, TRAINING_IMAGES, VARIANTS
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

PAIRS: Final[tuple[tuple[VariantName, VariantName], ...]] = (
    ("batch_per_step", "batch_shared"), ("none", "batch_input_only"), ("none", "layer"), ("none", "batch_per_step"),
)  # fmt: skip
SMALLEST_EFFECT: Final = 0.01  # one point, four or five of 450 test images: about the s.d. of a single seed
POINTS: Final = 21
LOOK_EVERY: Final = 5  # points between two tests with the statistics of the test images, which cost as much as a point
SECONDS: Final = 90.0
BATCHED: Final = ("batch_per_step", "batch_shared", "batch_input_only")


@dataclass(frozen=True, slots=True)
class ErrorResult:
    """What a run has measured so far.

    `variants` (V,). `steps` (E,) optimizer steps done, the first is 0; `epochs` (E,) the same in epochs; `total_steps`.
    `accuracy` (V, S, E): share of the 450 test images classified correctly, in eval mode; NaN once a replica has diverged.
    `loss` (V, S, E): mean cross-entropy in nats. `diverged_at` (V, S): the step of the first loss that is not finite, −1
    where there is none. `errors` (V,): test error over seeds, each (E,).
    `pairs` (Q, 2): names a, b; `differences` (Q, S): accuracy of b − accuracy of a at the last point, seed by seed;
    `findings` (Q,) what they say.
    `batch_error` (V, S): test error at step `batch_error_step` with the statistics of the test images themselves in place of the
    running ones; of variants without batch norm the same as in eval mode. `updates` (V,): how many times each
    `nn.BatchNorm1d` on W_h h has updated its running statistics (of the input-only variant: on W_x x; 0 where there is none).
    `left_over` (E,): running variance of the module for W_h h at the first step, where h = 0, so that every batch variance is 0
    and what is left is the initial value's weight.
    """

    settings: Settings
    variants: tuple[VariantName, ...]
    steps: NDArray[np.int64]
    epochs: Floats
    total_steps: int
    accuracy: Floats
    loss: Floats
    diverged_at: NDArray[np.int64]
    errors: tuple[OverSeeds, ...]
    pairs: tuple[tuple[VariantName, VariantName], ...]
    differences: Floats
    findings: tuple[Finding, ...]
    batch_error: Floats
    batch_error_step: int
    updates: NDArray[np.int64]
    left_over: Floats

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of one variant at one point: `batch_error` (S,) or None where it was not measured, `updates`, `left_over` (NaN
    but for statistics per step)."""

    batch_error: Floats | None
    updates: int
    left_over: float


def run(settings: Settings, on_update: Callable[[ErrorResult], None] | None = None) -> ErrorResult:
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
    networks = [build_recurrent(plan_of(settings, variant), data.seeds) for variant in VARIANTS]
    looks: list[list[_Look]] = [[] for _ in VARIANTS]

    def seen(index: int, update: Update) -> None:
        whole = len(looks[index]) % LOOK_EVERY == 0 or update.step == steps
        looks[index].append(_look(networks[index], VARIANTS[index], data, update, whole=whole))

    return train_in_turns(networks, data, plan, on_update, lambda done: _result(settings, done, looks), seen)


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
    try:
        nn.BatchNorm1d(settings.width)(torch.zeros(settings.batch_size, settings.width))
    except ValueError as error:
        raise BatchOfOneError(error) from error
    return seconds


def _look(network: Replicas, variant: VariantName, data: ReplicaData, update: Update, *, whole: bool) -> _Look:
    """Nothing is left changed by it; `whole`: with the error that the statistics of the test images give."""
    layer, _ = recurrent_parts(network)
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


def _result(settings: Settings, done: Sequence[Sequence[Update]], looks: Sequence[Sequence[_Look]]) -> ErrorResult:
    """The points that every variant has reached."""
    reached = min(map(len, done))
    accuracy = np.array([[update.accuracy for update in updates[:reached]] for updates in done]).transpose(0, 2, 1)
    loss = np.array([[update.loss for update in updates[:reached]] for updates in done]).transpose(0, 2, 1)
    steps = np.array([update.step for update in done[0][:reached]], dtype=np.int64)
    places = [(VARIANTS.index(first), VARIANTS.index(second)) for first, second in PAIRS]
    differences = np.stack([accuracy[second, :, -1] - accuracy[first, :, -1] for first, second in places])
    per_step = looks[VARIANTS.index("batch_per_step")][:reached]
    last = [entries[reached - 1] for entries in looks]
    tested = max(index for index in range(reached) if looks[0][index].batch_error is not None)
    return ErrorResult(
        settings=settings,
        variants=VARIANTS,
        steps=steps,
        epochs=steps / steps_per_epoch(TRAINING_IMAGES, settings.batch_size),
        total_steps=done[0][0].steps,
        accuracy=accuracy,
        loss=loss,
        diverged_at=np.array([updates[reached - 1].diverged_at for updates in done]),
        errors=tuple(over_seeds(1 - values, axis=0) for values in accuracy),
        pairs=PAIRS,
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        batch_error=np.array([entries[tested].batch_error for entries in looks]),
        batch_error_step=int(steps[tested]),
        updates=np.array([entry.updates for entry in last], dtype=np.int64),
        left_over=np.array([entry.left_over for entry in per_step]),
    )
