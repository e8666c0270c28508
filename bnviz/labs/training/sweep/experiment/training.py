"""The run of the topic `sweep` of the lab `training`: every variant trained with every learning rate, all rates and seeds at once.

Index letters: V variants (the settings' `normalizers`), R learning rates, S seeds, E recorded points, Q = V − 1 pairs: each
later variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.replica_data import steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import Update, every
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
from bnviz.labs.training.sweep.experiment.growth import Growth, growth_of
from bnviz.labs.training.sweep.result import Result
from bnviz.labs.training.sweep.settings import Settings
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import SMALLEST_EFFECT, judge

Floats = NDArray[np.float64]

GOAL: Final = 0.9
POINTS: Final = 16
SMALLEST_FACTOR: Final = math.log10(1.5)  # rates: the steps of the default grid are factors of 2


def run(settings: Settings, data: Table | None = None, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns, each with all rates at once; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError; UploadError.
    """
    estimated_seconds(settings, data)
    rates, seeds = settings.learning_rates, settings.replica_seeds
    samples = training_data(settings, seeds * len(rates), data)
    steps = total_steps(settings, data)
    per_epoch = steps_per_epoch(shape(settings, data)[2], settings.batch_size)
    each = tuple(rate for rate in rates for _ in seeds)
    plan = training_plan(settings, steps, every(max(1, math.ceil(steps / POINTS)), steps), each)
    networks = [build_replicas(network_plan(settings, samples, name), samples.seeds) for name in settings.normalizers]
    growths: list[list[Growth]] = [[] for _ in networks]
    meters = [growth_of(network) for network in networks]

    def seen(index: int, update: Update) -> None:
        growths[index].append(meters[index]())

    return train_interleaved(
        networks, samples, plan, on_update, lambda done: _result(settings, done, growths, per_epoch), seen
    )


def estimated_seconds(settings: Settings, data: Table | None = None) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    replicas = settings.seeds * len(settings.learning_rates)
    step, test = step_seconds(settings, replicas, separate=True, table=data)
    steps = total_steps(settings, data)
    seconds = 0.5 + len(settings.normalizers) * (steps * step + min(steps, POINTS) * test)
    return check(settings, seconds, ("seeds", "learning_rates", "epochs", "depth", "width"))


def _result(
    settings: Settings, done: Sequence[Sequence[Update]], growths: Sequence[Sequence[Growth]], per_epoch: int
) -> Result:
    """The points that every variant has reached."""
    curves = learning_curves(done)
    rates = np.array(settings.learning_rates)
    grid = (len(rates), settings.seeds)
    accuracy = curves.accuracy.reshape(-1, *grid, len(curves.steps))
    final = accuracy[..., -1]
    best = best_rate(final)
    reaches: NDArray[np.bool_] = np.asarray(final >= GOAL)
    tolerated = np.log10(largest_rate(reaches, rates, float(rates[0]) / 2))
    tolerance = tolerated[1:] - tolerated[:1]
    at_best = np.stack(
        [values[index] if index >= 0 else np.full(grid[1], np.nan) for values, index in zip(final, best, strict=True)]
    )
    differences = at_best[1:] - at_best[:1]
    latest = [entries[len(curves.steps) - 1] for entries in growths]
    start = np.stack([growth.start for growth in latest]).reshape(-1, *grid)
    gained = np.stack([growth.gradients for growth in latest]).reshape(-1, *grid)
    return Result(
        settings=settings,
        variants=settings.normalizers,
        rates=rates,
        steps=curves.steps,
        epochs=curves.steps / per_epoch,
        total_steps=curves.total_steps,
        accuracy=accuracy,
        diverged_at=curves.diverged_at.reshape(-1, *grid),
        error=over_seeds(1 - final, axis=2),
        largest_rate=largest_rate(np.asarray(reaches.all(axis=2)), rates, math.nan),
        best=best,
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        tolerance=tolerance,
        tolerance_findings=tuple(judge(row, SMALLEST_FACTOR, _grid(rates)) for row in tolerance),
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        start_square=start,
        end_square=np.stack([growth.now for growth in latest]).reshape(-1, *grid),
        predicted_square=start + rates[:, None] ** 2 * gained,
    )


def _grid(rates: Floats) -> float:
    """log10 of the largest factor between neighbours of `rates` (R,): so coarse is what they say of the largest rate that trains."""
    return float(np.diff(np.log10(rates)).max(initial=0.0))


def largest_rate(reaches: NDArray[np.bool_], rates: Floats, never: float) -> Floats:
    """The largest of `rates` (R,) at which `reaches` (V, R, …) holds, (V, …); `never` where there is none."""
    shaped = rates.reshape(-1, *[1] * (reaches.ndim - 2))
    largest = np.where(reaches, shaped, -np.inf).max(axis=1)
    found: Floats = np.where(np.isfinite(largest), largest, never)
    return found


def best_rate(final: Floats) -> NDArray[np.int64]:
    """Index (V,) of the rate with the best mean accuracy over all seeds of `final` (V, R, S); −1 where some seed diverged at each."""
    mean = final.mean(axis=2)
    known = np.isfinite(mean)
    return np.where(known.any(axis=1), np.where(known, mean, -np.inf).argmax(axis=1), -1)
