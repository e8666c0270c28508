"""The run of the lab `averages`: one training, its weights averaged by PyTorch's own `swa_utils`, and four fates of the buffers.

Index letters: V variants, S replicas, E recorded points, K numbers of refill batches, U watched units, T averaged models, D inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from bnviz import work
from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.recalibration import refilling
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, evaluate, every, training
from bnviz.labs.averages.result import COMPARED, VARIANTS, WATCHED, Floats, Result
from bnviz.labs.averages.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import Updates
from bnviz.study.verdict import SMALLEST_EFFECT, judge

TRAINING_IMAGES: Final = 1347
CLASSES: Final = 10
FEATURES: Final = 64
POINTS: Final = 60
COUNTS: Final = (1, 2, 4, 8, 16, 32, 64)
SECONDS: Final = 90.0
VARIANCE_SECONDS: Final = 2e-4


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train the networks once, average their weights on the way, and test the average with each kind of buffers.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    network = build_replicas(network_plan(settings), data.seeds)
    watched = _Watched(settings, network, data)
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    epochs_apart = max(1, math.ceil(settings.epochs / POINTS))
    plan = TrainingPlan(
        steps,
        settings.batch_size,
        every(epochs_apart * (steps // settings.epochs), steps),
        learning_rate=settings.learning_rate,
    )
    report: Updates[Result] = Updates(on_update)
    updates: list[Update] = []
    errors: list[Floats] = []

    def heard() -> bool:
        if updates:
            report(lambda: _result(settings, updates, errors, watched))
        return False

    for update in training(network, data, plan, heard, watched.after_step):
        updates.append(update)
        errors.append(watched.errors(1 - update.accuracy))
    return _result(settings, updates, errors, watched, at_the_end=True)


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    replicas, units, samples = settings.seeds, settings.width, settings.batch_size
    weights = units * (FEATURES + CLASSES + (settings.depth - 1) * units)
    forward = settings.depth * 7e-5 + replicas * (5e-11 * samples * weights + 3e-9 * settings.depth * units * samples)
    per_step = 6e-4 + settings.depth * 2e-4 + 3 * forward + replicas * 3e-9 * weights
    per_test = 1e-3 + replicas * 450 * (5e-11 * weights + 2.5e-9 * settings.depth * units)
    points = min(settings.epochs, POINTS) + 1
    tests = points * (len(VARIANTS) * per_test + settings.refill_batches * forward)
    seconds = 0.5 + steps * per_step + tests + max(COUNTS) * forward + len(COUNTS) * per_test
    check_cost(seconds, SECONDS, ("seeds", "epochs", "depth", "width"))
    refuse_batch_of_one(settings.batch_size, settings.width)
    return seconds


def network_plan(settings: Settings) -> NetworkPlan:
    """The network that is trained."""
    return NetworkPlan(FEATURES, CLASSES, (settings.width,) * settings.depth, "relu", init="he")


class _Watched:
    """The networks in training, their average, and what the first layer of the first replica did in every model of the average."""

    def __init__(self, settings: Settings, network: Replicas, data: ReplicaData) -> None:
        self.settings = settings
        self.network = network
        self.data = data
        average = get_ema_multi_avg_fn(settings.decay) if settings.average == "ema" else None  # type: ignore[no-untyped-call]
        # The buffers that are not averaged are copied into it below: `use_buffers=False` would do the copying only.
        self.averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        self.at_start = _copies(network.buffers())
        self.per_epoch = steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
        self.first = settings.start * settings.epochs * self.per_epoch
        batches = batch_indices(
            data, settings.batch_size, max(*COUNTS, settings.refill_batches), purpose="recalibration"
        )
        self.refill_with = batches
        self.images = data.samples(data.train)[0][0]
        self.weights: list[Tensor] = []

    @property
    def model(self) -> Replicas:
        """The averaged networks."""
        model = self.averaged.module
        assert isinstance(model, Replicas)
        return model

    @property
    def count(self) -> int:
        """How many models are in the average."""
        return int(self.averaged.n_averaged)

    def after_step(self, step: int) -> None:
        """Take the networks into the average, if it is their turn."""
        turn = self.settings.average == "ema" or step % self.per_epoch == 0
        if turn and step > self.first:
            self.averaged.update_parameters(self.network)
            self.weights.append(_first_weights(self.network).clone())

    def errors(self, raw: Floats) -> Floats:
        """(V, S), as shares: that of the networks themselves, `raw`, and those of their average with each kind of buffers."""
        if not self.count:
            return np.stack([raw, *(np.full_like(raw, np.nan) for _ in COMPARED)])
        rows = [self._error(buffers) for buffers in self._kinds()]
        return np.where(np.isfinite(raw), np.stack([raw, *rows]), np.nan)

    def _kinds(self) -> list[list[Tensor]]:
        """The buffers of the averaged variants."""
        averaged = _copies(self.model.buffers())
        batches = self.refill_with[: self.settings.refill_batches]
        update_bn((self.data.samples(batch)[0] for batch in batches), self.averaged)
        refilled = _copies(self.model.buffers())
        _load(self.model, averaged)
        return [self.at_start, averaged, _copies(self.network.buffers()), refilled]

    def _error(self, buffers: Sequence[Tensor]) -> Floats:
        """Of the average with `buffers`; its own are put back."""
        own = _copies(self.model.buffers())
        _load(self.model, buffers)
        accuracy = evaluate(self.model, self.data)[1]
        _load(self.model, own)
        return 1 - accuracy

    def by_count(self) -> Floats:
        """(K, S): error of the average, as a share, after refilling with each number of batches."""
        model = self.model
        own = _copies(model.buffers())
        passes = refilling(model, (self.data.samples(batch)[0] for batch in self.refill_with[: COUNTS[-1]]))
        rows = [1 - evaluate(model, self.data)[1] for count in passes if count in COUNTS]
        _load(model, own)
        return np.stack(rows)

    def held(self) -> Floats:
        """(V, U): the running variance of the first batch norm in every variant."""
        names = [name for name, _ in self.network.named_buffers()]
        place = next(index for index, name in enumerate(names) if name.endswith("running_var"))
        own = _copies(self.network.buffers())
        watched = len(self.weights[0][0])
        return np.stack([kind[place][:watched].double().numpy() for kind in (own, *self._kinds())])

    @torch.no_grad()
    def variances(self) -> tuple[Floats, Floats, Floats]:
        """Mean of the variances, variance of the average, and the spread of theory, each (U,).

        The first two are taken from what the layer gives on the images, in float32 as it computes; the third from weights and
        covariance, in double precision.
        """
        shares = _shares(self.settings, len(self.weights))
        given = []
        for weight in self.weights:
            given.append((self.images @ weight).double().var(0, correction=0))
            work.done(VARIANCE_SECONDS)
        mean = torch.einsum("t,tu->u", shares, torch.stack(given))
        average = _first_weights(self.model)
        of_average = (self.images @ average).double().var(0, correction=0)
        covariance = torch.cov(self.images.double().t(), correction=0)
        kept = torch.stack(self.weights).double()  # (T, D, U)
        away = kept - torch.einsum("t,tdu->du", shares, kept)
        spread = torch.einsum("t,tdu,de,teu->u", shares, away, covariance, away)
        return mean.numpy(), of_average.numpy(), spread.numpy()


def _shares(settings: Settings, count: int) -> Tensor:
    """(T,): a_k, what each of `count` models counts in the average, the oldest first. The first one begins the average."""
    if settings.average == "swa":
        return torch.full((count,), 1 / count, dtype=torch.float64)
    powers = torch.full((count,), settings.decay, dtype=torch.float64) ** torch.arange(count - 1, -1, -1)
    return torch.cat([powers[:1], (1 - settings.decay) * powers[1:]])


def _first_weights(network: Replicas) -> Tensor:
    """(D, U): of the watched units of the first replica's first layer."""
    return network.linears[0].weight[0, :, :WATCHED].detach()


def _copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _load(network: Replicas, buffers: Sequence[Tensor]) -> None:
    for buffer, value in zip(network.buffers(), buffers, strict=True):
        buffer.copy_(value)


def _result(
    settings: Settings,
    updates: Sequence[Update],
    errors: Sequence[Floats],
    watched: _Watched,
    *,
    at_the_end: bool = False,
) -> Result:
    shares = np.stack(errors[: len(updates)], axis=-1)
    steps = np.array([update.step for update in updates[: shares.shape[-1]]], dtype=np.int64)
    differences = shares[1:, :, -1] - shares[0, :, -1]
    units = min(WATCHED, settings.width)
    by_count = np.full((len(COUNTS), settings.seeds), np.nan)
    variances = (np.full(units, np.nan),) * 3
    held = np.full((len(VARIANTS), units), np.nan)
    if at_the_end and watched.count:
        by_count = np.where(np.isfinite(shares[0, :, -1]), watched.by_count(), np.nan)
        variances, held = watched.variances(), watched.held()
    return Result(
        settings=settings,
        variants=VARIANTS,
        error=100 * shares[:, :, -1],
        steps=steps,
        epochs=steps / watched.per_epoch,
        total_steps=updates[0].steps,
        error_by_point=100 * shares,
        over=over_seeds(100 * shares),
        averaged=watched.count,
        diverged_at=updates[-1].diverged_at,
        compared=COMPARED,
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        counts=np.array(COUNTS),
        by_count=100 * by_count,
        count_over=over_seeds(100 * by_count),
        count_findings=tuple(judge(row - by_count[-1], SMALLEST_EFFECT) for row in by_count),
        mean_variance=variances[0],
        averaged_variance=variances[1],
        spread=variances[2],
        held_variance=held,
    )
