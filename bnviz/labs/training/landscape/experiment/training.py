"""The run of the topic `landscape` of the lab `training`: how far along the gradient the loss and the gradient itself stay what they were.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), T looks at the network while it is trained, K step
sizes, E recorded points, Q = V − 1 pairs: each later variant against the first.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.replica_data import batch_indices, steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import Update
from bnviz.labs.training.landscape.experiment.gradient import Look, look
from bnviz.labs.training.landscape.result import Result
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
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import judge

Floats = NDArray[np.float64]

LOOKS: Final = 20
SIZES: Final = 8
SMALLEST_FACTOR: Final = math.log10(1.25)
TINY: Final = 1e-6
"""Of the learning rate: hardly ever a ReLU bends within it, and float64 still resolves the differences."""


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
    sizes, tiny = step_sizes(settings), TINY * settings.learning_rate
    looks: list[list[Look]] = [[] for _ in networks]
    per_epoch = steps_per_epoch(shape(settings, data)[2], settings.batch_size)

    def seen(index: int, update: Update) -> None:
        looks[index].append(look(networks[index], exact, batches[update.step], sizes, tiny))

    plan = training_plan(settings, steps, points, settings.learning_rate)
    return train_interleaved(
        networks, samples, plan, on_update, lambda done: _result(settings, done, looks, sizes, per_epoch), seen
    )


def step_sizes(settings: Settings) -> Floats:
    """K step sizes from half the learning rate to `reach` times it, by equal factors."""
    return settings.learning_rate * np.geomspace(0.5, max(settings.reach, 0.5), SIZES)


def look_points(steps: int) -> tuple[int, ...]:
    """At most 20 points from 0 to `steps`, denser at the beginning."""
    return tuple(sorted({math.ceil(steps * (number / (LOOKS - 1)) ** 2) for number in range(LOOKS)}))


def estimated_seconds(settings: Settings, data: Table | None = None) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    step, test = step_seconds(settings, settings.seeds, table=data)
    steps = total_steps(settings, data)
    # A look computes in double precision, on copies that no cache holds where the networks are wide.
    weights = settings.seeds * (settings.depth - 1) * settings.width**2
    look = test + (SIZES + 5) * (0.95 * step + 1.15e-8 * weights)
    seconds = 0.15 + len(settings.normalizers) * (steps * step + min(steps, LOOKS) * look)
    return check(settings, seconds, ("seeds", "epochs", "depth", "width", "batch_size"))


def _result(
    settings: Settings,
    done: Sequence[Sequence[Update]],
    looks: Sequence[Sequence[Look]],
    sizes: Floats,
    per_epoch: int,
) -> Result:
    """The looks that every variant has reached."""
    curves = learning_curves(done)
    steps, diverged = curves.steps, curves.diverged_at[:, :, None]
    gone = (diverged >= 0) & (steps >= diverged)

    def stacked(take: Callable[[Look], Floats]) -> Floats:
        return _stacked(looks, take, gone)

    tiny = TINY * settings.learning_rate
    start, norm = stacked(lambda entry: entry.along.start_loss), stacked(lambda entry: entry.along.gradient_norm)
    losses, changes = stacked(lambda entry: entry.along.loss), stacked(lambda entry: entry.along.gradient_change)
    all_losses = np.concatenate([start[..., None], losses[..., :-1]], axis=-1)
    spread, change = all_losses.max(-1) - all_losses.min(-1), changes[..., :-1].max(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = change / norm
    return Result(
        settings=settings,
        variants=settings.normalizers,
        look_steps=steps,
        total_steps=curves.total_steps,
        steps_per_epoch=per_epoch,
        sizes=sizes,
        start_loss=start,
        gradient_norm=norm,
        loss=losses[..., :-1],
        gradient_change=changes[..., :-1],
        range=spread,
        change=change,
        relative_change=relative,
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        slope=(losses[..., -1] - start) / tiny,
        slope_expected=-(norm**2),
        bend=changes[..., -1] / tiny,
        bend_expected=stacked(lambda entry: entry.turning),
        curvature=stacked(lambda entry: entry.curvature),
        accuracy=curves.accuracy,
        diverged_at=curves.diverged_at,
        **_over_seeds("range", spread),
        **_over_seeds("relative", relative),
        **_compared("range", spread),
        **_compared("change", change),
        **_compared("relative", relative),
    )


def _stacked(looks: Sequence[Sequence[Look]], take: Callable[[Look], Floats], gone: NDArray[np.bool_]) -> Floats:
    """What `take` finds in the looks, (V, S, T, …), as many as `gone` (V, S, T) has, which says where a replica has diverged: NaN."""
    count = gone.shape[2]
    values = np.stack([np.stack([take(entry) for entry in entries[:count]], axis=1) for entries in looks])
    away = gone.reshape(*gone.shape, *[1] * (values.ndim - 3)) | ~np.isfinite(values)
    return np.where(away, np.nan, values)


def _over_seeds(name: str, values: Floats) -> dict[str, Any]:
    """Geometric mean, least and largest over seeds of `values` (V, S, T), by the names of the result's fields."""
    logs = _logs(values)
    least, most = (keep.reduce(logs, axis=1) for keep in (np.fmin, np.fmax))
    return {f"{name}_mean": 10.0 ** _mean(logs, 1), f"{name}_low": 10.0**least, f"{name}_high": 10.0**most}


def _compared(name: str, values: Floats) -> dict[str, Any]:
    """Each later variant's `values` (V, S, T) as factors of the first one's, and what they say, by the names of the result's fields."""
    logs = _logs(values)
    factors = _mean(logs[1:] - logs[:1], 2)
    return {f"{name}_factors": factors, f"{name}_findings": tuple(judge(row, SMALLEST_FACTOR) for row in factors)}


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
