"""The training loop for stacked replicas: it reports while it runs, can be stopped at any step, and survives divergence.

Index letters: S replicas, E recorded points, B samples per batch, M test samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.optimizers import Optimizer, OptimizerName, make_optimizer
from bnviz.core.replica_data import ReplicaData, Sampling, batch_indices
from bnviz.core.replicas import Replicas
from bnviz.errors import BatchOfOneError

PERCENTILES: Final = (15, 50, 85)
CHUNK: Final = 512
Numbers = NDArray[np.float64]
ShouldStop = Callable[[], bool]
OnUpdate = Callable[["Update"], None]


class TrainingStopped(Exception):  # noqa: N818 - nothing went wrong
    """`should_stop` said so."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How to train.

    `steps` optimizer steps; `record_at` (E,) ascending numbers of steps done at which to test, 0 being before the first
    (see `every`). `learning_rate`: one for all replicas, or one each. `momentum` is SGD's. `unit`: the unit (or channel) of
    the last hidden layer whose activation input is to be followed; None: none.
    """

    steps: int
    batch_size: int
    record_at: tuple[int, ...]
    learning_rate: float | tuple[float, ...] = 0.1
    optimizer: OptimizerName = "sgd"
    momentum: float = 0.0
    sampling: Sampling = "iid"
    unit: int | None = None

    def __post_init__(self) -> None:
        if list(self.record_at) != sorted(set(self.record_at)) or not set(self.record_at) <= set(range(self.steps + 1)):
            raise ValueError(f"record_at must ascend within 0 … {self.steps}; got {self.record_at}")

    def rates(self, replicas: int) -> tuple[float, ...]:
        """One learning rate per replica. Raises: ValueError where there are more or fewer."""
        rates = self.learning_rate
        rates = (float(rates),) * replicas if isinstance(rates, int | float) else rates
        if len(rates) != replicas:
            raise ValueError(f"{replicas} replicas need as many learning rates; got {len(rates)}")
        return rates


@dataclass(frozen=True, slots=True)
class Update:
    """What is known after `step` of `steps` steps, for each replica.

    `accuracy` (S,) share of test samples classified correctly and `loss` (S,) mean cross-entropy in nats on the test set, in
    eval mode; both NaN once the replica has diverged. `train_loss` (S,): mean over the batches since the last record (NaN at step 0).
    `percentiles` (S, 3): 15, 50, 85 % of the watched unit's activation input over the test set in eval mode; None where none is
    watched. `diverged_at` (S,): the step whose loss was the first that is not finite, −1 where there is none.
    """

    step: int
    steps: int
    accuracy: Numbers
    loss: Numbers
    train_loss: Numbers
    percentiles: Numbers | None
    diverged_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """All updates of a run: `steps` (E,); `accuracy`, `loss`, `train_loss` (S, E); `percentiles` (S, E, 3) or None; `diverged_at` (S,)."""

    steps: NDArray[np.int64]
    accuracy: Numbers
    loss: Numbers
    train_loss: Numbers
    percentiles: Numbers | None
    diverged_at: NDArray[np.int64]

    @classmethod
    def of(cls, updates: Sequence[Update]) -> Trajectory:
        """Join `updates`, at least one, of one run."""
        percentiles = [update.percentiles for update in updates if update.percentiles is not None]
        return cls(
            np.array([update.step for update in updates], dtype=np.int64),
            np.stack([update.accuracy for update in updates], axis=1),
            np.stack([update.loss for update in updates], axis=1),
            np.stack([update.train_loss for update in updates], axis=1),
            np.stack(percentiles, axis=1) if percentiles else None,
            updates[-1].diverged_at,
        )


def every(count: int, steps: int) -> tuple[int, ...]:
    """0, count, 2·count … and `steps`: the points to record at."""
    return (*range(0, steps, count), steps)


def train(
    network: Replicas,
    data: ReplicaData,
    plan: TrainingPlan,
    on_update: OnUpdate | None = None,
    should_stop: ShouldStop | None = None,
) -> Trajectory:
    """Train `network` in place and return all that was recorded; `on_update` gets each record as it is made.

    Raises: as `training`.
    """
    updates = []
    for update in training(network, data, plan, should_stop):
        updates.append(update)
        if on_update is not None:
            on_update(update)
    return Trajectory.of(updates)


def training(
    network: Replicas,
    data: ReplicaData,
    plan: TrainingPlan,
    should_stop: ShouldStop | None = None,
    after_step: Callable[[int], None] | None = None,
    optimizer: Optimizer | None = None,
) -> Iterator[Update]:
    """Train `network` in place, yielding at every record point; between two of them the caller may look into the network.

    Each replica gets what it would get alone: its own batches, its own mean cross-entropy, its own Dropout. A replica that
    diverges is carried along and leaves the others as they are. `should_stop` is asked before every step; `after_step` gets the
    number of steps done, before they are recorded. `optimizer` takes the steps in place of the plan's.

    Raises: TrainingStopped where it says yes; BatchOfOneError where PyTorch refuses a batch of one.
    """
    indices = batch_indices(data, plan.batch_size, plan.steps, plan.sampling)
    if optimizer is None:
        optimizer = make_optimizer(plan.optimizer, network.parameters(), plan.rates(network.count), plan.momentum)
    ones = torch.ones(network.count, dtype=data.features.dtype)
    points = set(plan.record_at)
    diverged = np.full(network.count, -1, dtype=np.int64)
    losses: list[list[float]] = []

    def record(step: int) -> Update:
        train_loss = np.mean(losses, axis=0) if losses else np.full(network.count, np.nan)
        losses.clear()
        loss, accuracy, percentiles = evaluate(network, data, plan.unit)
        diverged[(diverged < 0) & ~np.isfinite(loss)] = step
        accuracy[diverged >= 0] = loss[diverged >= 0] = np.nan
        return Update(step, plan.steps, accuracy, loss, train_loss, percentiles, diverged.copy())

    if 0 in points:
        yield record(0)
    network.train()
    for step, batch in enumerate(indices, start=1):
        if should_stop is not None and should_stop():
            raise TrainingStopped
        samples, labels = data.samples(batch)
        loss = replica_losses(_forward(network, samples), labels)
        torch.autograd.backward(loss, ones)
        optimizer.step()
        if after_step is not None:
            after_step(step)
        losses.append(loss.tolist())
        if not math.isfinite(sum(losses[-1])):
            diverged[(diverged < 0) & ~np.isfinite(losses[-1])] = step
        if step in points:
            yield record(step)
            network.train()  # whatever the caller did meanwhile


def interleaved(runs: Sequence[Iterator[Update]]) -> Iterator[tuple[int, Update]]:
    """Drive several trainings in turns, one record of each at a time: pairs of the run's index and its update."""
    waiting = list(enumerate(runs))
    while waiting:
        going = []
        for index, run in waiting:
            update = next(run, None)
            if update is not None:
                yield index, update
                going.append((index, run))
        waiting = going


def replica_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy (S,) in nats of `logits` (S, B, K) and `labels` (S, B)."""
    return functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none").mean(1)


def predicted(logits: Tensor) -> Tensor:
    """The most likely class (S, B) by `logits` (S, B, K).

    `StackedLinear` leaves the samples of few classes side by side; along the classes it would take several times as long.
    """
    return logits.transpose(1, 2).argmax(1)


@torch.no_grad()
def evaluate(network: Replicas, data: ReplicaData, unit: int | None = None) -> tuple[Numbers, Numbers, Numbers | None]:
    """Each replica on its test set, in eval mode: loss (S,), accuracy (S,), percentiles (S, 3) of the unit's activation input or None."""
    was_training = network.training
    seen: list[Tensor] = []

    def keep(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        values = arguments[0]
        if values.dim() == 4:
            values = values.view(len(values), network.count, -1, *values.shape[2:]).permute(1, 0, 3, 4, 2).flatten(1, 3)
        seen.append(values[:, :, unit])

    hook = None if unit is None else network.activations[-1].register_forward_pre_hook(keep)
    loss = torch.zeros(network.count, dtype=torch.float64)
    right = torch.zeros_like(loss)
    try:
        network.eval()
        for chunk in torch.split(data.test, CHUNK, dim=1):
            samples, labels = data.samples(chunk)
            logits = network(samples)
            loss += replica_losses(logits, labels).double() * chunk.shape[1]
            right += (predicted(logits) == labels).sum(1)
    finally:
        network.train(was_training)
        if hook is not None:
            hook.remove()
    tested = data.test.shape[1]
    percentiles = None
    if seen:
        levels = torch.tensor(PERCENTILES, dtype=torch.float64) / 100
        percentiles = torch.quantile(torch.cat(seen, dim=1).double(), levels, dim=1).t().numpy()
    return (loss / tested).numpy(), (right / tested).numpy(), percentiles


def _forward(network: Replicas, samples: Tensor) -> Tensor:
    try:
        logits: Tensor = network(samples)
    except ValueError:
        if samples.shape[1] > 1:
            raise
        try:
            # What PyTorch says of one plain network, not of the stacked one.
            network.replica(0)(samples[0])
        except ValueError as error:
            raise BatchOfOneError(error) from error
        raise
    return logits
