"""The run of the lab `placement`: batch norm before or after the activation, on the same splits, weights and batches.

Index letters: P positions, S replicas, E recorded points, T looks, L hidden layers, K bins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.replica_data import batch_indices, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.training import TrainingPlan, Update, every
from bnviz.labs.placement.experiment.bias import BiasCheck, bias_check
from bnviz.labs.placement.experiment.signals import BINS, HALF_RANGE, LOOKED_AT, Look, look
from bnviz.labs.placement.result import PAIRS, POSITIONS, Result
from bnviz.labs.placement.settings import Settings
from bnviz.settings import PositionName
from bnviz.study.cost import check_cost
from bnviz.study.histogram import Histogram
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import SMALLEST_EFFECT, judge

TRAINING_IMAGES: Final = 1347
TEST_IMAGES: Final = 450
CLASSES: Final = 10
FEATURES: Final = 64
POINTS: Final = 63
LOOKS: Final = 12
SECONDS: Final = 90.0
FRESH: Final = ("received_variance", "passed_mean", "passed_mean_error", "passed_variance", "passed_variance_error")


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all positions in turns and return what was measured; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    points, watch = _schedule(settings)
    batches = batch_indices(data, settings.batch_size, _batches_per_look(settings))
    plans = [network_plan(settings, position) for position in POSITIONS]
    checks = [bias_check(plan, data, batches[0], settings.seed) for plan in plans]
    networks = [build_replicas(plan, data.seeds) for plan in plans]
    looks: list[list[Look]] = [[] for _ in POSITIONS]

    def seen(index: int, update: Update) -> None:
        if update.step in watch:
            looks[index].append(look(networks[index], data, batches, settings.activation))

    plan = TrainingPlan(points[-1], settings.batch_size, points, learning_rate=settings.learning_rate)
    return train_interleaved(
        networks, data, plan, on_update, lambda done: _result(settings, done, looks, watch, checks), seen
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    points, watch = _schedule(settings)
    replicas, units, depth, samples = settings.seeds, settings.width, settings.depth, settings.batch_size
    weights = units * (FEATURES + CLASSES + (depth - 1) * units)
    values = depth * units  # hidden ones, of one sample
    layers = 1e-4 + depth * 6e-5  # one way through them, whatever their size
    looked_at = _batches_per_look(settings) * samples

    build = replicas * (depth * 5e-4 + 6e-9 * weights)
    step = 3e-4 + depth * 2e-4 + replicas * (1e-9 * weights + samples * (7.5e-11 * weights + 5e-9 * values))
    test = 4e-4 + layers + replicas * TEST_IMAGES * (2.5e-11 * weights + 2e-9 * values)
    # Twice there and once back, in double precision, in which a product takes twice as long.
    check = 3 * layers + replicas * (4e-9 * weights + samples * (1.2e-10 * weights + 3e-8 * values))
    # Most goes to the histograms and the moments of what is received and passed on.
    look = _batches_per_look(settings) * layers + replicas * looked_at * (2.5e-11 * weights + 2e-8 * values)
    each = 2 * build + check + points[-1] * step + len(points) * test + len(watch) * look
    seconds = 0.2 + len(POSITIONS) * each
    check_cost(seconds, SECONDS, ("seeds", "epochs", "depth", "width"))
    refuse_batch_of_one(settings.batch_size, settings.width)
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


def _schedule(settings: Settings) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """After which numbers of steps the networks are tested, the last being all steps; and at which of these they are looked into."""
    steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, settings.batch_size)
    points = every(max(1, math.ceil(steps / POINTS)), steps)
    return points, tuple(points[index] for index in _look_points(len(points)))


def _batches_per_look(settings: Settings) -> int:
    """So many that a look sees at least `LOOKED_AT` samples of each replica."""
    return max(1, math.ceil(LOOKED_AT / settings.batch_size))


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
    curves, looked = learning_curves(done), min(map(len, looks))
    accuracy = curves.accuracy
    pairs = [(POSITIONS.index(first), POSITIONS.index(second)) for first, second in PAIRS]
    differences = np.stack([accuracy[second, :, -1] - accuracy[first, :, -1] for first, second in pairs])
    before = POSITIONS.index("before")

    def stacked(name: str) -> NDArray[Any]:
        return np.stack([np.stack([getattr(entry, name) for entry in entries[:looked]]) for entries in looks])

    edges = np.linspace(-HALF_RANGE, HALF_RANGE, BINS + 1)
    return Result(
        settings=settings,
        positions=POSITIONS,
        steps=curves.steps,
        epochs=curves.steps / steps_per_epoch(TRAINING_IMAGES, settings.batch_size),
        total_steps=curves.total_steps,
        accuracy=accuracy,
        loss=curves.loss,
        diverged_at=curves.diverged_at,
        error=over_seeds(1 - accuracy),
        pairs=PAIRS,
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        look_steps=np.array(watch[:looked], dtype=np.int64),
        received=Histogram(edges, stacked("received")),
        passed=Histogram(edges, stacked("passed")),
        saturated=stacked("saturated"),
        dead=stacked("dead"),
        **{name: stacked(name)[:, 0] for name in FRESH},
        bias_effect=checks[before].effect,
        bias_gradient=checks[before].gradient,
        bias_effects=np.array([check.effect for check in checks]),
        bias_gradients=np.array([check.gradient for check in checks]),
    )
