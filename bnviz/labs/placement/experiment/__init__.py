"""The lab `placement`: batch norm before or after the activation, on the same splits, weights and batches.

Index letters: P positions (`POSITIONS`), S replicas (seeds), E recorded points, Q pairs (`PAIRS`), T looks, L hidden
layers, K bins. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.core.histogram import Histogram
from bnviz.core.replica_data import batch_indices, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.training import TrainingPlan, Update, every
from bnviz.errors import BatchOfOneError
from bnviz.labs.placement.experiment.measure import BINS, HALF_RANGE, LOOKED_AT, BiasCheck, Look, bias_check, look
from bnviz.labs.placement.settings import Settings
from bnviz.settings import PositionName
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding, judge

Floats = NDArray[np.float64]

POSITIONS: Final[tuple[PositionName, ...]] = ("none", "before", "after")
PAIRS: Final[tuple[tuple[PositionName, PositionName], ...]] = (
    ("before", "after"), ("none", "before"), ("none", "after"),
)  # fmt: skip
SMALLEST_EFFECT: Final = 0.01  # one point, four or five of 450 test images: about the s.d. of a single seed
TRAINING_IMAGES: Final = 1347
CLASSES: Final = 10
FEATURES: Final = 64
POINTS: Final = 63
LOOKS: Final = 12
SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far.

    `positions` (P,). `steps` (E,) optimizer steps done, the first is 0; `epochs` (E,) the same in epochs; `total_steps`.
    `accuracy` (P, S, E): share of the 450 test images classified correctly, in eval mode; NaN once a replica has diverged.
    `loss` (P, S, E): mean cross-entropy in nats on the test images. `diverged_at` (P, S): the step of the first loss that is
    not finite, −1 where there is none. `error`, `error_deviation` (P, E): mean test error 1 − accuracy and its s.d.
    (S − 1) over replicas that have not diverged; `error_low`, `error_high` (P, E): the best and the worst of them.
    `pairs` (Q, 2): names a, b. `differences` (Q, S): accuracy of b − accuracy of a at the last point, seed by seed.
    `difference_mean` (Q,), `difference_ci95` (Q, 2): their mean and its 95 % confidence interval; `findings` (Q,) the same
    with the verdict. All as shares: 0.01 is one point.
    `look_steps` (T,): steps at which what passes through the networks was looked at, on at least 256 training images per
    replica, in training mode. `received`, `passed`: histograms of what the activations and what the next layers receive,
    counts (P, T, L, K). `saturated`, `dead` (P, T, L): see `placement_measure.Look`.
    `received_variance`, `passed_mean`, `passed_variance`, with `…_error` (P, L): moments in the fresh networks.
    `bias_effect`, `bias_gradient`: `BiasCheck` of batch norm before the activation; `bias_effects`, `bias_gradients` (P,)
    of all positions.
    """

    settings: Settings
    positions: tuple[PositionName, ...]
    steps: NDArray[np.int64]
    epochs: Floats
    total_steps: int
    accuracy: Floats
    loss: Floats
    diverged_at: NDArray[np.int64]
    error: Floats
    error_deviation: Floats
    error_low: Floats
    error_high: Floats
    pairs: tuple[tuple[PositionName, PositionName], ...]
    differences: Floats
    difference_mean: Floats
    difference_ci95: Floats
    findings: tuple[Finding, ...]
    look_steps: NDArray[np.int64]
    received: Histogram
    passed: Histogram
    saturated: Floats
    dead: Floats
    received_variance: Floats
    passed_mean: Floats
    passed_mean_error: Floats
    passed_variance: Floats
    passed_variance_error: Floats
    bias_effect: float
    bias_gradient: float
    bias_effects: Floats
    bias_gradients: Floats

    def error_of(self, position: int) -> OverSeeds:
        """Test error of one position over seeds, each (E,)."""
        values = (self.error, self.error_deviation, self.error_low, self.error_high)
        return OverSeeds(*(value[position] for value in values))

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all positions in turns and return what was measured; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    points = every(max(1, math.ceil(steps / POINTS)), steps)
    watch = tuple(points[index] for index in _look_points(len(points)))
    batches = batch_indices(data, settings.batch_size, max(1, math.ceil(LOOKED_AT / settings.batch_size)))
    plans = [network_plan(settings, position) for position in POSITIONS]
    checks = [bias_check(plan, data, batches[0], settings.seed) for plan in plans]
    networks = [build_replicas(plan, data.seeds) for plan in plans]
    looks: list[list[Look]] = [[] for _ in POSITIONS]

    def seen(index: int, update: Update) -> None:
        if update.step in watch:
            looks[index].append(look(networks[index], data, batches, settings.activation))

    plan = TrainingPlan(steps, settings.batch_size, points, learning_rate=settings.learning_rate)
    return train_in_turns(
        networks, data, plan, on_update, lambda done: _result(settings, done, looks, watch, checks), seen
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    replicas, units, samples = settings.seeds, settings.width, settings.batch_size
    weights = units * (FEATURES + CLASSES + (settings.depth - 1) * units)
    per_step = (
        3e-4
        + settings.depth * 2e-4
        + replicas * (1.4e-9 * weights + 9e-9 * settings.depth * units * samples + 1.5e-10 * weights * samples + 2e-6)
    )
    per_test = replicas * 450 * (5e-11 * weights + 2.5e-9 * settings.depth * units) + 5e-4
    seconds = 0.5 + len(POSITIONS) * (steps * per_step + min(steps, POINTS) * per_test)
    check_cost(seconds, SECONDS, ("seeds", "epochs", "depth", "width"))
    try:
        nn.BatchNorm1d(settings.width)(torch.zeros(settings.batch_size, settings.width))
    except ValueError as error:
        raise BatchOfOneError(error) from error
    return seconds


def network_plan(settings: Settings, position: PositionName) -> NetworkPlan:
    """The network with batch norm at `position`."""
    return NetworkPlan(
        inputs=FEATURES,
        classes=CLASSES,
        widths=(settings.width,) * settings.depth,
        activation=settings.activation,
        normalizer="none" if position == "none" else "batch",
        position=position,
        bias=settings.bias,
        init=settings.init,
    )


def _look_points(count: int) -> list[int]:
    """Which of `count` record points to look at: the first, the last, and others, denser where more happens."""
    spread = np.geomspace(1, max(count - 1, 1), LOOKS - 1)
    return sorted({0, *(min(round(float(place)), count - 1) for place in spread)})


def _result(
    settings: Settings,
    done: Sequence[Sequence[Update]],
    looks: Sequence[Sequence[Look]],
    watch: tuple[int, ...],
    checks: Sequence[BiasCheck],
) -> Result:
    """The points that every position has reached, and the looks."""
    reached, looked = min(map(len, done)), min(map(len, looks))
    accuracy = np.array([[update.accuracy for update in updates[:reached]] for updates in done]).transpose(0, 2, 1)
    loss = np.array([[update.loss for update in updates[:reached]] for updates in done]).transpose(0, 2, 1)
    diverged = np.array([updates[reached - 1].diverged_at for updates in done])
    steps = np.array([update.step for update in done[0][:reached]], dtype=np.int64)
    error = over_seeds(1 - accuracy)
    pairs = [(POSITIONS.index(first), POSITIONS.index(second)) for first, second in PAIRS]
    differences = np.stack([accuracy[second, :, -1] - accuracy[first, :, -1] for first, second in pairs])
    findings = tuple(judge(row, SMALLEST_EFFECT) for row in differences)
    before = POSITIONS.index("before")

    def stacked(name: str) -> NDArray[Any]:
        return np.stack([np.stack([getattr(entry, name) for entry in entries[:looked]]) for entries in looks])

    edges = np.linspace(-HALF_RANGE, HALF_RANGE, BINS + 1)
    return Result(
        settings=settings,
        positions=POSITIONS,
        steps=steps,
        epochs=steps / steps_per_epoch(TRAINING_IMAGES, settings.batch_size),
        total_steps=done[0][0].steps,
        accuracy=accuracy,
        loss=loss,
        diverged_at=diverged,
        error=error.mean,
        error_deviation=error.deviation,
        error_low=error.low,
        error_high=error.high,
        pairs=PAIRS,
        differences=differences,
        difference_mean=np.array([finding.mean for finding in findings]),
        difference_ci95=np.array([[finding.low, finding.high] for finding in findings]),
        findings=findings,
        look_steps=np.array(watch[:looked], dtype=np.int64),
        received=Histogram(edges, stacked("received")),
        passed=Histogram(edges, stacked("passed")),
        saturated=stacked("saturated"),
        dead=stacked("dead"),
        **{
            name: stacked(name)[:, 0]
            for name in (
                "received_variance", "passed_mean", "passed_mean_error", "passed_variance", "passed_variance_error",
            )
        },
        bias_effect=checks[before].effect,
        bias_gradient=checks[before].gradient,
        bias_effects=np.array([check.effect for check in checks]),
        bias_gradients=np.array([check.gradient for check in checks]),
    )  # fmt: skip
