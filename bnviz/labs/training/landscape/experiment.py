"""The topic `landscape` of the lab `training`: how far along the gradient the loss and the gradient itself stay what they were.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), T looks at the network while it is trained, K step
sizes, E recorded points, Q = V − 1 pairs: each later variant against the first.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.landscape import Landscape, loss_along_gradient
from bnviz.core.replica_data import ReplicaData, batch_indices, steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import Update, replica_losses
from bnviz.labs.training.landscape.settings import Settings
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
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

LOOKS: Final = 20
SIZES: Final = 8
SMALLEST_FACTOR: Final = math.log10(1.25)
TINY: Final = (
    1e-6  # of the learning rate: hardly ever a ReLU bends within it, and float64 still resolves the differences
)


@dataclass(frozen=True, slots=True)
class Look:
    """One network at one point of training, along the gradient g of the batch that comes next: `along` (K steps and a tiny one),
    and `curvature` (S,) gᵀHg and `turning` (S,) ‖Hg‖, H being the matrix of second derivatives of the same loss."""

    along: Landscape
    curvature: Floats
    turning: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far.

    `variants` (V,). `look_steps` (T,): optimizer steps done at each look; `total_steps`. `sizes` (K,): step sizes, ascending.
    `start_loss`, `gradient_norm` (V, S, T): mean cross-entropy in nats of the next training batch, in training mode, and the length
    of its gradient. `loss` (V, S, T, K): of the same batch after a step of each size along the gradient, `gradient_change`
    (V, S, T, K): Euclidean distance of the gradient there from the first one. NaN once a replica has diverged.
    `range` (V, S, T): largest minus least loss over the start and all sizes; `change` (V, S, T): largest gradient change;
    `relative_change` (V, S, T): the same over the gradient's length.
    `range_mean`, `range_low`, `range_high`, `change_…`, `relative_…` (V, T): geometric mean, least and largest over seeds.
    `loss_low`, `loss_high` (V, T): of the loss along the gradient, mean over seeds of its least and largest value.
    `pairs` (Q, 2): names a, b. `…_factors` (Q, S): log10 of b over a, mean over looks; `…_findings` (Q,).
    `slope`, `slope_expected` (V, S, T): (loss at a tiny step − at 0)/step and −‖g‖². `bend`, `bend_expected` (V, S, T): gradient change
    at the tiny step over step, and ‖Hg‖. `curvature` (V, S, T): gᵀHg. `accuracy` (V, S, T): on the test samples, in eval mode.
    `diverged_at` (V, S): the step of the first loss that is not finite, −1 where there is none.
    """

    settings: Settings
    variants: tuple[VariantName, ...]
    look_steps: NDArray[np.int64]
    total_steps: int
    steps_per_epoch: int
    sizes: Floats
    start_loss: Floats
    gradient_norm: Floats
    loss: Floats
    gradient_change: Floats
    range: Floats
    range_mean: Floats
    range_low: Floats
    range_high: Floats
    change: Floats
    change_mean: Floats
    change_low: Floats
    change_high: Floats
    relative_change: Floats
    relative_mean: Floats
    relative_low: Floats
    relative_high: Floats
    loss_low: Floats
    loss_high: Floats
    pairs: tuple[tuple[VariantName, VariantName], ...]
    range_factors: Floats
    range_findings: tuple[Finding, ...]
    change_factors: Floats
    change_findings: tuple[Finding, ...]
    relative_factors: Floats
    relative_findings: tuple[Finding, ...]
    slope: Floats
    slope_expected: Floats
    bend: Floats
    bend_expected: Floats
    curvature: Floats
    accuracy: Floats
    diverged_at: NDArray[np.int64]

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.look_steps[-1]) / self.total_steps


def run(settings: Settings, data: Table | None = None, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns, looking along the gradient on the way; `on_update` gets partial results.

    Raises: CostError where the settings ask for too much; BatchOfOneError; UploadError.
    """
    estimated_seconds(settings, data)
    samples = training_data(settings, settings.replica_seeds, data)
    steps = total_steps(settings, data)
    points = look_points(steps)
    # The batch of the step that comes next; one more than there are steps, for the look after the last.
    batches = batch_indices(samples, settings.batch_size, steps + 1)
    exact = dataclasses.replace(samples, features=samples.features.double())
    networks = [build_replicas(network_plan(settings, samples, name), samples.seeds) for name in settings.normalizers]
    sizes = step_sizes(settings)
    looks: list[list[Look]] = [[] for _ in networks]
    per_epoch = steps_per_epoch(shape(settings, data)[2], settings.batch_size)

    def seen(index: int, update: Update) -> None:
        looks[index].append(look(networks[index], exact, batches[update.step], sizes, settings.learning_rate))

    plan = training_plan(settings, steps, points, settings.learning_rate)
    return train_in_turns(
        networks, samples, plan, on_update, lambda done: _result(settings, done, looks, sizes, per_epoch), seen
    )


def step_sizes(settings: Settings) -> Floats:
    """K step sizes from half the learning rate to `reach` times it, by equal factors."""
    return settings.learning_rate * np.geomspace(0.5, max(settings.reach, 0.5), SIZES)


def look_points(steps: int) -> tuple[int, ...]:
    """At most 20 points from 0 to `steps`, denser at the beginning."""
    return tuple(sorted({math.ceil(steps * (place / (LOOKS - 1)) ** 2) for place in range(LOOKS)}))


def look(network: Replicas, data: ReplicaData, batch: Tensor, sizes: Floats, rate: float) -> Look:
    """Look along the gradient of `batch` (S, B) in double precision, on a copy: `network` is left as it is.

    In double precision because small differences of losses and gradients are what is wanted.
    """
    copied = copy.deepcopy(network).double().train()
    along = loss_along_gradient(copied, data, batch, [*(float(size) for size in sizes), TINY * rate])
    parameters = list(copied.parameters())
    samples, labels = data.samples(batch)
    gradients = torch.autograd.grad(replica_losses(copied(samples), labels).sum(), parameters, create_graph=True)
    # The replicas do not touch, so that one product with H serves them all.
    still = [gradient.detach() for gradient in gradients]
    products = torch.autograd.grad(gradients, parameters, grad_outputs=still)
    count = copied.count
    bent = torch.cat([product.reshape(count, -1) for product in products], dim=1)
    direction = torch.cat([gradient.reshape(count, -1) for gradient in still], dim=1)
    return Look(along, (bent * direction).sum(1).numpy(), torch.linalg.vector_norm(bent, dim=1).numpy())


def estimated_seconds(settings: Settings, data: Table | None = None) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    step, test = step_seconds(settings, settings.seeds, table=data)
    steps = total_steps(settings, data)
    seconds = 0.5 + len(settings.normalizers) * (steps * step + min(steps, LOOKS) * (test + 2.5 * (SIZES + 5) * step))
    return check(settings, seconds, ("seeds", "epochs", "depth", "width", "batch_size"))


def _result(
    settings: Settings,
    done: Sequence[Sequence[Update]],
    looks: Sequence[Sequence[Look]],
    sizes: Floats,
    per_epoch: int,
) -> Result:
    """The looks that every variant has reached."""
    reached = min(map(len, done))
    diverged = np.array([updates[reached - 1].diverged_at for updates in done])
    steps = np.array([update.step for update in done[0][:reached]], dtype=np.int64)
    gone = (diverged[:, :, None] >= 0) & (steps >= diverged[:, :, None])

    def stacked(take: Callable[[Look], Floats]) -> Floats:
        values = np.stack([np.stack([take(entry) for entry in entries[:reached]], axis=1) for entries in looks])
        away = gone.reshape(*gone.shape, *[1] * (values.ndim - 3)) | ~np.isfinite(values)
        return np.where(away, np.nan, values)

    tiny = TINY * settings.learning_rate
    start, norm = stacked(lambda entry: entry.along.start_loss), stacked(lambda entry: entry.along.gradient_norm)
    losses, changes = stacked(lambda entry: entry.along.loss), stacked(lambda entry: entry.along.gradient_change)
    all_losses = np.concatenate([start[..., None], losses[..., :-1]], axis=-1)
    least, most, change = all_losses.min(-1), all_losses.max(-1), changes[..., :-1].max(-1)
    spread = most - least
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = change / norm
    parts: dict[str, Any] = {}
    for name, values in (("range", spread), ("change", change), ("relative", relative)):
        logs = _logs(values)
        factors = _mean(logs[1:] - logs[:1], 2)
        parts |= {
            f"{name}_mean": 10.0 ** _mean(logs, 1),
            f"{name}_low": 10.0 ** _extreme(logs, np.fmin),
            f"{name}_high": 10.0 ** _extreme(logs, np.fmax),
            f"{name}_factors": factors,
            f"{name}_findings": tuple(judge(row, SMALLEST_FACTOR) for row in factors),
        }
    return Result(
        settings=settings,
        variants=settings.normalizers,
        look_steps=steps,
        total_steps=done[0][0].steps,
        steps_per_epoch=per_epoch,
        sizes=sizes,
        start_loss=start,
        gradient_norm=norm,
        loss=losses[..., :-1],
        gradient_change=changes[..., :-1],
        range=spread,
        change=change,
        relative_change=relative,
        loss_low=_mean(least, 1),
        loss_high=_mean(most, 1),
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        slope=(losses[..., -1] - start) / tiny,
        slope_expected=-(norm**2),
        bend=changes[..., -1] / tiny,
        bend_expected=stacked(lambda entry: entry.turning),
        curvature=stacked(lambda entry: entry.curvature),
        accuracy=np.array([[update.accuracy for update in updates[:reached]] for updates in done]).transpose(0, 2, 1),
        diverged_at=diverged,
        **parts,
    )


def _logs(values: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values)
    return np.where(np.isfinite(logs), logs, np.nan)


def _mean(values: Floats, axis: int) -> Floats:
    """The mean along `axis` of what is a number; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    mean: Floats = np.where(count > 0, np.where(known, values, 0).sum(axis=axis) / np.maximum(count, 1), np.nan)
    return mean


def _extreme(values: Floats, keep: np.ufunc) -> Floats:
    extreme: Floats = keep.reduce(values, axis=1)
    return extreme
