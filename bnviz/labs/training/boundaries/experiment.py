"""The run of the topic `boundaries` of the lab `training`: what networks of two inputs decide, everywhere in the plane, while they learn.

Index letters: V variants (the settings' `normalizers`), S replicas (seeds), E recorded points, T looks, G places per axis,
Q = V − 1 pairs: each later variant against the first. Shares are in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from bnviz import work
from bnviz.core.replica_data import ReplicaData, steps_per_epoch
from bnviz.core.replica_networks import build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import Update, every
from bnviz.errors import SettingError, UploadError
from bnviz.i18n import N_
from bnviz.labs.training.boundaries.result import Result
from bnviz.labs.training.boundaries.settings import HALF_WIDTHS, Settings
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
from bnviz.labs.training.shared.parameters import PLANE
from bnviz.settings import one_of
from bnviz.study.over_seeds import over_seeds
from bnviz.study.updates import learning_curves, train_interleaved
from bnviz.study.verdict import SMALLEST_EFFECT, judge
from bnviz.theory.plane import PlaneName, best_accuracy, posterior

Floats = NDArray[np.float64]

POINTS: Final = 60
BEST_SECONDS: Final = 0.03
"""For the best possible decisions on one seed's test points, about."""
PLACES: Final = 49
LOOKS: Final = (0.0, 0.05, 0.2, 0.5, 1.0)  # shares of the run


def run(settings: Settings, data: Table | None = None, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train all variants in turns and look at what they decide; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; SettingError for data that do not lie in a plane; BatchOfOneError;
    UploadError.
    """
    estimated_seconds(settings, data)
    samples = training_data(settings, settings.replica_seeds, data)
    if settings.source == "upload" and (samples.features.shape[1], samples.classes) != (2, 2):
        raise UploadError(
            N_(
                "For a boundary in the plane the table needs two features and two classes; it has {features} and {classes}."
            ),
            features=samples.features.shape[1],
            classes=samples.classes,
        )
    steps = total_steps(settings, data)
    points = every(max(1, math.ceil(steps / POINTS)), steps)
    watch = _look_points(points, steps)
    setting = _setting(settings, samples)
    grid = _grid(setting["axis"])
    networks = [build_replicas(network_plan(settings, samples, name), samples.seeds) for name in settings.normalizers]
    latest: list[Floats] = [_decided(network, grid) for network in networks]
    looks: list[list[Floats]] = [[] for _ in networks]
    per_epoch = steps_per_epoch(shape(settings, data)[2], settings.batch_size)

    def seen(index: int, update: Update) -> None:
        latest[index] = _decided(networks[index], grid)
        if update.step in watch:
            looks[index].append(latest[index])

    def result(done: Sequence[Sequence[Update]]) -> Result:
        return _result(settings, done, latest, looks, watch, setting, per_epoch)

    plan = training_plan(settings, steps, points, settings.learning_rate)
    return train_interleaved(networks, samples, plan, on_update, result, seen)


def estimated_seconds(settings: Settings, data: Table | None = None) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: SettingError for data that do not lie in a plane; CostError where that is too long; BatchOfOneError.
    """
    if settings.source not in HALF_WIDTHS:
        raise SettingError("source", one_of(tuple(HALF_WIDTHS)), settings.source)
    step, test = step_seconds(settings, settings.seeds, table=data)
    steps = total_steps(settings, data)
    weights = settings.width * (2 + 2 + (settings.depth - 1) * settings.width)
    look = settings.seeds * PLACES**2 * (2.9e-11 * weights + 3e-9 * settings.depth * settings.width) + 2e-3
    known = 0.2 + BEST_SECONDS * settings.seeds
    seconds = known + len(settings.normalizers) * (steps * step + (min(steps, POINTS) + 2) * (test + look))
    return check(settings, seconds, ("seeds", "epochs", "depth", "width", "samples"))


def _look_points(points: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """The recorded points nearest to the shares of the run at which to look."""
    return tuple(sorted({min(points, key=lambda point: abs(point - share * steps)) for share in LOOKS}))


def _setting(settings: Settings, samples: ReplicaData) -> dict[str, Any]:
    """What does not change during a run: places, points, and the best that can be done."""
    half = HALF_WIDTHS[settings.source] + (2 * settings.noise if settings.source in PLANE else 0.0)
    axis = np.linspace(-half, half, PLACES)
    places = np.stack(np.meshgrid(axis, axis), axis=-1)
    fixed = {
        "axis": axis,
        "points": samples.features[samples.train[0]].double().numpy(),
        "labels": samples.labels[samples.train[0]].numpy(),
        "tested": samples.test.shape[1],
        "best": np.full((PLACES, PLACES), np.nan),
        "best_accuracy": math.nan,
        "best_hits": np.full(len(samples.seeds), np.nan),
    }
    if settings.source in ("moons", "circles", "spirals"):
        fixed |= {
            "best": posterior(settings.source, places, settings.noise),
            "best_accuracy": best_accuracy(settings.source, settings.noise),
            "best_hits": np.array(
                [_best_hits(settings.source, settings.noise, samples, test) for test in samples.test]
            ),
        }
    return fixed


def _best_hits(source: PlaneName, noise: float, samples: ReplicaData, test: torch.Tensor) -> float:
    """The share of one seed's `test` points at which the best possible rule is right."""
    chosen = posterior(source, samples.features[test].numpy(), noise) > 0.5
    work.done(BEST_SECONDS)
    return float((chosen == (samples.labels[test].numpy() == 1)).mean())


def _grid(axis: Floats) -> torch.Tensor:
    """All places (G·G, 2), x fastest."""
    return torch.from_numpy(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)).float()


@torch.no_grad()
def _decided(network: Replicas, grid: torch.Tensor) -> Floats:
    """P(class 1), (G, G), of the first replica in eval mode, to three decimals; NaN where it is no number."""
    was_training = network.training
    try:
        network.eval()
        logits = network(grid.expand(network.count, *grid.shape))[0]
    finally:
        network.train(was_training)
    side = math.isqrt(len(grid))
    shares: Floats = logits.softmax(1)[:, 1].double().numpy().round(3)
    return shares.reshape(side, side)


def _result(
    settings: Settings,
    done: Sequence[Sequence[Update]],
    latest: Sequence[Floats],
    looks: Sequence[Sequence[Floats]],
    watch: tuple[int, ...],
    setting: dict[str, Any],
    per_epoch: int,
) -> Result:
    """The points that every variant has reached."""
    curves, looked = learning_curves(done), min(map(len, looks))
    accuracy = curves.accuracy
    differences = accuracy[1:, :, -1] - accuracy[:1, :, -1]
    return Result(
        settings=settings,
        variants=settings.normalizers,
        steps=curves.steps,
        epochs=curves.steps / per_epoch,
        total_steps=curves.total_steps,
        accuracy=accuracy,
        diverged_at=curves.diverged_at,
        error=over_seeds(1 - accuracy),
        pairs=tuple((settings.normalizers[0], name) for name in settings.normalizers[1:]),
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        latest=np.stack(latest),
        look_steps=np.array(watch[:looked], dtype=np.int64),
        looks=np.stack([np.stack(entries[:looked]) for entries in looks]),
        **setting,
    )
