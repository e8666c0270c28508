"""Topic `gap` of the lab `modes`: the same weights and the same batch, in train and in eval mode, as training goes on.

Index letters: E recorded points, L hidden layers (each with one batch norm), T test batches, m samples per batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.datasets import batches
from bnviz.core.replica_data import batch_indices
from bnviz.core.replica_networks import plain_network
from bnviz.core.streams import stream
from bnviz.labs.modes.gap.experiment.measure import Sample, look, one_sample
from bnviz.labs.modes.gap.settings import Settings
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    refuse_batch_of_one,
    sgd,
    take_step,
    training_batches,
)
from bnviz.theory import noise, running

Floats = NDArray[np.float64]

POINTS: Final = 18
LOOKED_AT: Final = 16  # test batches per look, at most


@dataclass(frozen=True, slots=True)
class GapResult:
    """`steps` (E,): optimizer steps done when it was looked.

    `gap` (E, L+1): RMS difference of the outputs in train and in eval mode over the standard deviation of the output in
    train mode, for each batch norm and, last, for the logits; over all samples of T test batches and all units.
    `recalibrated` (E, L+1): the same after recalibration. `own` (E, L): the gap that each batch norm adds by itself, given in
    eval mode the input that it had in train mode; `own_theory` (E, L): the same from the statistics alone.
    `changed`, `changed_recalibrated` (E,): share of predictions that differ between the modes. `error_train`, `error_eval`,
    `error_recalibrated` (E,): share of wrong predictions. All NaN where the training has diverged.
    `left_over` (E,): weight of the initial values in the running statistics. `floor`: gap of one batch norm between a batch of m
    and exact statistics, normal values. `floor_error`: standard error of `recalibrated[-1, 0]`. `samples`: how many were compared.
    """

    settings: Settings
    steps: NDArray[np.int64]
    gap: Floats
    recalibrated: Floats
    own: Floats
    own_theory: Floats
    changed: Floats
    changed_recalibrated: Floats
    error_train: Floats
    error_eval: Floats
    error_recalibrated: Floats
    left_over: Floats
    floor: float
    floor_error: float
    samples: int
    sample: Sample


def run(settings: Settings) -> GapResult:
    """Train, and at recorded steps send the same test batches through the same weights in both modes.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    points = record_points(settings.steps)
    count = min(LOOKED_AT, max(1, 450 // settings.batch_size))
    _check(settings, len(points), count)
    data = digits_of(settings)
    network = plain_network(network_plan(settings), settings.seed)
    optimizer = sgd(network, settings)
    test = data.test[0][batches(data.test.shape[1], settings.batch_size, count, stream(settings.seed, "order"))]
    fresh = batch_indices(data, settings.batch_size, settings.passes, purpose="recalibration")[:, 0]
    rows = [look(network, data, test, fresh)] if 0 in points else []
    for step, (images, labels) in enumerate(training_batches(data, settings.batch_size, settings.steps), start=1):
        take_step(network, optimizer, images, labels)
        if step in points:
            rows.append(look(network, data, test, fresh))
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0] if name != "spread"}
    return GapResult(
        settings=settings,
        steps=np.array(points, dtype=np.int64),
        **columns,
        left_over=running.initial_weight(settings.momentum, np.array(points)),
        floor=math.sqrt(2 * (1 - math.sqrt(float(noise.fidelity(settings.batch_size))))),
        floor_error=float(rows[-1]["spread"]),
        samples=test.numel(),
        sample=one_sample(network, data, test[0]),
    )


def record_points(steps: int) -> tuple[int, ...]:
    """0, 1, … and `steps`: denser at the start, where more happens."""
    if steps < POINTS:
        return tuple(range(steps + 1))
    return tuple(sorted({0, *(round(float(point)) for point in np.geomspace(1, steps, POINTS - 1))}))


def _check(settings: Settings, points: int, count: int) -> None:
    refuse_batch_of_one(settings)
    tested = count * settings.batch_size
    look = 3 * forward_seconds(settings, tested) + forward_seconds(settings, settings.passes * settings.batch_size)
    # The batch norms are called once per batch, and what leaves them is compared in double precision.
    look += settings.depth * ((count + settings.passes) * 1e-5 + tested * settings.width * 6e-9) + 4e-4
    step = 3 * forward_seconds(settings, settings.batch_size) + 4e-5
    check_seconds(settings.steps * step + points * look, ("steps", "batch_size", "passes", "depth", "width"))
