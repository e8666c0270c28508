"""The topic `sweep` of the lab `training`: every variant trained with every learning rate, all rates and seeds at once.

Index letters: V variants (the settings' `normalizers`), R learning rates, S seeds, E recorded points, Q = V − 1 pairs: each
later variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from bnviz.labs.training.shared.settings import VariantName
from bnviz.labs.training.sweep.experiment.growth import Growth, growth_of
from bnviz.labs.training.sweep.settings import Settings
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

GOAL: Final = 0.9
POINTS: Final = 16
SMALLEST_EFFECT: Final = 0.01  # accuracy: one point
SMALLEST_FACTOR: Final = math.log10(1.5)  # rates: the steps of the default grid are factors of 2


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far.

    `variants` (V,), `rates` (R,). `steps` (E,) optimizer steps done, `epochs` (E,) the same in epochs, `total_steps`.
    `accuracy` (V, R, S, E): share of the test samples classified correctly, in eval mode; NaN once diverged.
    `diverged_at` (V, R, S): the step of the first loss that is not finite, −1 where there is none.
    `error`, `error_deviation`, `error_low`, `error_high` (V, R): test error at the last point over the seeds that have not
    diverged: mean, s.d. (S − 1), least and largest; NaN where all have.
    `largest_rate` (V,): the largest rate at which every seed ends with 90 % or more; NaN where there is none.
    `best` (V,): index of the rate with the least mean error among those at which no seed diverged; −1 where there is none.
    `pairs` (Q, 2): names a, b. `tolerance` (Q, S): log10 of (the largest rate at which this seed ends with 90 % under b / the same
    under a); who never gets there counts with half the smallest rate; `tolerance_findings` (Q,). `differences` (Q, S): accuracy of
    b − accuracy of a in the end, each at its own best rate; `findings` (Q,).
    `start_square`, `end_square`, `predicted_square` (V, R, S): ‖W‖² of all hidden layers (weights, and biases where there are any)
    in the fresh networks and now, and what plain SGD makes of it where the gradient is at right angles to the weights,
    ‖W₀‖² + η²Σ‖g‖².
    """

    settings: Settings
    variants: tuple[VariantName, ...]
    rates: Floats
    steps: NDArray[np.int64]
    epochs: Floats
    total_steps: int
    accuracy: Floats
    diverged_at: NDArray[np.int64]
    error: Floats
    error_deviation: Floats
    error_low: Floats
    error_high: Floats
    largest_rate: Floats
    best: NDArray[np.int64]
    pairs: tuple[tuple[VariantName, VariantName], ...]
    tolerance: Floats
    tolerance_findings: tuple[Finding, ...]
    differences: Floats
    findings: tuple[Finding, ...]
    start_square: Floats
    end_square: Floats
    predicted_square: Floats

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps


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

    return train_in_turns(
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
    reached = min(map(len, done))
    courses = [updates[:reached] for updates in done]
    rates = np.array(settings.learning_rates)
    grid = (len(rates), settings.seeds)
    accuracy = np.array([[update.accuracy for update in updates] for updates in courses])
    accuracy = accuracy.transpose(0, 2, 1).reshape(-1, *grid, reached)
    final = accuracy[..., -1]
    steps = np.array([update.step for update in courses[0]], dtype=np.int64)
    error = over_seeds(1 - final, axis=2)
    best = _best(final)
    reaches: NDArray[np.bool_] = np.asarray(final >= GOAL)
    tolerated = np.log10(_largest(reaches, rates, float(rates[0]) / 2))
    tolerance = tolerated[1:] - tolerated[:1]
    at_best = np.stack(
        [values[place] if place >= 0 else np.full(grid[1], np.nan) for values, place in zip(final, best, strict=True)]
    )
    differences = at_best[1:] - at_best[:1]
    latest = [entries[reached - 1] for entries in growths]
    start = np.stack([growth.start for growth in latest]).reshape(-1, *grid)
    gained = np.stack([growth.gradients for growth in latest]).reshape(-1, *grid)
    return Result(
        settings=settings,
        variants=settings.normalizers,
        rates=rates,
        steps=steps,
        epochs=steps / per_epoch,
        total_steps=courses[0][0].steps,
        accuracy=accuracy,
        diverged_at=np.array([updates[-1].diverged_at for updates in courses]).reshape(-1, *grid),
        error=error.mean,
        error_deviation=error.deviation,
        error_low=error.low,
        error_high=error.high,
        largest_rate=_largest(np.asarray(reaches.all(axis=2)), rates, math.nan),
        best=best,
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        tolerance=tolerance,
        tolerance_findings=tuple(judge(row, SMALLEST_FACTOR) for row in tolerance),
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        start_square=start,
        end_square=np.stack([growth.now for growth in latest]).reshape(-1, *grid),
        predicted_square=start + rates[:, None] ** 2 * gained,
    )  # fmt: skip


def _largest(reaches: NDArray[np.bool_], rates: Floats, never: float) -> Floats:
    """The largest of `rates` (R,) at which `reaches` (V, R, …) holds, (V, …); `never` where there is none."""
    shaped = rates.reshape(-1, *[1] * (reaches.ndim - 2))
    largest = np.where(reaches, shaped, -np.inf).max(axis=1)
    found: Floats = np.where(np.isfinite(largest), largest, never)
    return found


def _best(final: Floats) -> NDArray[np.int64]:
    """Index (V,) of the rate with the best mean accuracy over all seeds of `final` (V, R, S); −1 where some seed diverged at each."""
    mean = final.mean(axis=2)
    known = np.isfinite(mean)
    return np.where(known.any(axis=1), np.where(known, mean, -np.inf).argmax(axis=1), -1)
