"""What all topics of the lab `training` train: the data of a source, the network of a variant, and what a step of it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.datasets import plane
from bnviz.core.replica_data import ReplicaData, digits_data, split_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan
from bnviz.core.streams import stream
from bnviz.core.training import TrainingPlan
from bnviz.errors import UploadError
from bnviz.i18n import N_
from bnviz.labs.training.shared.parameters import PLANE, VariantName
from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.study.cost import check_cost

Table = NDArray[np.float32]

SECONDS: Final = 90.0
DIGITS: Final = (64, 10, 1347, 450)  # inputs, classes, training and test samples
PLANE_TEST: Final = 1000
MIN_ROWS: Final = 20
MAX_ROWS: Final = 5000
MAX_CLASSES: Final = 20
MOMENTUM: Final = 0.9


def training_data(settings: TrainingSettings, seeds: Sequence[int], table: Table | None = None) -> ReplicaData:
    """The samples of the source as the replicas of `seeds` see them, every seed with its own split or its own points.

    `table` (N, D+1): the visitor's own, where the source is `upload`; its last column is the class.
    Raises: UploadError where there is no table or none that can be learned from.
    """
    if settings.source == "digits":
        return digits_data(seeds)
    if settings.source == "upload":
        return split_data(*labelled(table), seeds)
    own = tuple(dict.fromkeys(seeds))
    count = settings.samples + PLANE_TEST
    drawn = [plane(settings.source, count, settings.noise, stream(seed, "points")) for seed in own]
    first = torch.tensor([count * own.index(seed) for seed in seeds])[:, None]
    features, labels = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    train, test = torch.arange(settings.samples), torch.arange(PLANE_TEST) + settings.samples
    return ReplicaData(features, labels, tuple(seeds), first + train, first + test)


def labelled(table: Table | None) -> tuple[Tensor, Tensor]:
    """Features (N, D), each column brought to mean 0 and s.d. 1, and labels (N,) from 0 of a visitor's `table`.

    Raises: UploadError naming what is wrong.
    """
    if table is None:
        raise UploadError(
            N_("There is no file yet: a link cannot carry one. Choose your file, or take another source.")
        )
    rows, columns = table.shape
    if columns < 2:
        raise UploadError(N_("The table has one column; the features come first, the class is the last column."))
    if not MIN_ROWS <= rows <= MAX_ROWS:
        raise UploadError(
            N_("The table has {rows} rows; training takes {fewest} to {most}."),
            rows=rows,
            fewest=MIN_ROWS,
            most=MAX_ROWS,
        )
    classes, labels = np.unique(table[:, -1], return_inverse=True)
    if not 2 <= len(classes) <= MAX_CLASSES or not np.equal(classes, np.rint(classes)).all():
        raise UploadError(
            N_("The last column is the class: 2 to {most} different whole numbers or words; this one has {count}."),
            most=MAX_CLASSES,
            count=len(classes),
        )
    features = table[:, :-1].astype(np.float64)
    deviation = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return torch.from_numpy(scaled.astype(np.float32)), torch.from_numpy(labels.astype(np.int64))


def network_plan(settings: TrainingSettings, data: ReplicaData, variant: VariantName) -> NetworkPlan:
    """The network of `variant`, the normalizer in front of the activation."""
    return NetworkPlan(
        inputs=data.features.shape[1],
        classes=data.classes,
        widths=(settings.width,) * settings.depth,
        activation=settings.activation,
        normalizer=variant,
        init=settings.init,
    )


def training_plan(
    settings: TrainingSettings,
    steps: int,
    points: tuple[int, ...],
    rates: float | tuple[float, ...],
    unit: int | None = None,
) -> TrainingPlan:
    """How `settings` train for `steps` steps."""
    return TrainingPlan(
        steps,
        settings.batch_size,
        points,
        learning_rate=rates,
        optimizer="adam" if settings.optimizer == "adam" else "sgd",
        momentum=MOMENTUM if settings.optimizer == "momentum" else 0.0,
        unit=unit,
    )


def shape(settings: TrainingSettings, table: Table | None = None) -> tuple[int, int, int, int]:
    """Inputs, classes, training samples and test samples."""
    if settings.source == "digits":
        return DIGITS
    if settings.source in PLANE:
        return 2, 2, settings.samples, PLANE_TEST
    features, labels = labelled(table)
    held_out = math.ceil(len(labels) / 4)
    return features.shape[1], int(labels.max()) + 1, len(labels) - held_out, held_out


def total_steps(settings: TrainingSettings, table: Table | None = None) -> int:
    """Optimizer steps of a run."""
    return settings.epochs * steps_per_epoch(shape(settings, table)[2], settings.batch_size)


def step_seconds(
    settings: TrainingSettings, replicas: int, *, separate: bool = False, table: Table | None = None
) -> tuple[float, float]:
    """About how long one training step and one test of one variant take on one core, all replicas together.

    `separate`: every replica has a learning rate of its own.
    """
    inputs, classes, _, tested = shape(settings, table)
    units, samples, depth = settings.width, settings.batch_size, settings.depth
    weights = units * (inputs + classes + (depth - 1) * units)
    update = {"sgd": 1.0, "momentum": 1.3, "adam": 2.2}[settings.optimizer]
    each = 6e-10 * update * weights + 4e-9 * depth * units * samples + 6e-11 * weights * samples + 2e-6
    step = 2e-4 + depth * 1.5e-4 + replicas * (each + (2.5e-5 * update if separate else 0.0))
    test = replicas * tested * (3e-11 * weights + 1.5e-9 * depth * units + 2e-8) + 5e-4
    return step, test


def check(settings: TrainingSettings, seconds: float, reduce: tuple[str, ...]) -> float:
    """`seconds`, where that may be asked for.

    Raises: CostError where it is too long; BatchOfOneError where batch norm would get a batch of one.
    """
    check_cost(seconds, SECONDS, reduce)
    if "batch" in settings.normalizers:
        refuse_batch_of_one(settings.batch_size, settings.width)
    return seconds
