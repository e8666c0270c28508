"""Test error by normalizer and batch size, on the same splits, weights and batches, and what the batch does to the statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from bnviz import work
from bnviz.core.recalibration import recalibrate
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data, steps_per_epoch
from bnviz.core.replica_networks import build_replicas, plain_network
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, evaluate, every, interleaved, training
from bnviz.labs.batch_size.error.experiment.records import Records
from bnviz.labs.batch_size.error.result import Refusal, Result
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.measurement import measure
from bnviz.labs.batch_size.shared.parameters import NetworkName
from bnviz.labs.batch_size.shared.population import network_plan
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.study.cost import check_cost
from bnviz.study.updates import Updates

TRAINING_IMAGES: Final = 600
POINTS: Final = 20
SECONDS: Final = 90.0
STATISTICS_SECONDS: Final = 0.05
HIDDEN_LAYER: Final = 1  # whose statistics are measured


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Measure the statistics of the fresh networks and train, the largest batch first; `on_update` gets partial results.

    Raises: CostError where the settings ask for too much.
    """
    estimated_seconds(settings)
    other: NetworkName = "cnn" if settings.network == "mlp" else "mlp"
    statistics = _statistics(settings, settings.network), _statistics(settings, other)
    epochs = np.array(every(math.ceil(settings.epochs / POINTS), settings.epochs)[1:], dtype=np.int64)
    sizes = sorted(settings.batch_sizes, reverse=True)
    total = sum(len(settings.normalizers) * settings.epochs * steps_per_epoch(TRAINING_IMAGES, size) for size in sizes)
    records = Records(settings, epochs, total, statistics)
    seeds = tuple(range(settings.seed, settings.seed + settings.seeds))
    data = digits_data(seeds, images=settings.network == "cnn", train_size=TRAINING_IMAGES)
    report: Updates[Result] = Updates(on_update)

    def heard() -> bool:
        report(records.result)
        return False

    for size in sizes:
        _train(records, data, size, heard)
    return records.result()


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds. Raises: CostError where that is too long."""
    seconds = 0.1 + 0.05 * len(settings.batch_sizes)
    base, per_sample, per_test = (2.9e-4, 1.1e-6, 1e-3) if settings.network == "mlp" else (7e-4, 1.2e-5, 5e-3)
    for size in settings.batch_sizes:
        steps = settings.epochs * steps_per_epoch(TRAINING_IMAGES, size)
        per_step = base + settings.seeds * (5e-6 + per_sample * size)
        tests = min(settings.epochs, POINTS) * settings.seeds * per_test
        seconds += len(settings.normalizers) * (steps * per_step + tests)
    check_cost(seconds, SECONDS, ("epochs", "seeds", "batch_sizes", "normalizers"))
    return seconds


def _statistics(settings: Settings, network: NetworkName) -> Statistics:
    measured = measure(network, HIDDEN_LAYER, settings.sampling, settings.batch_sizes, settings.seed)
    work.done(STATISTICS_SECONDS)
    return measured


def _train(records: Records, data: ReplicaData, batch_size: int, heard: Callable[[], bool]) -> None:
    """Train all normalizers in turns at one batch size; what PyTorch refuses is noted, and the others train."""
    settings = records.settings
    per_epoch = steps_per_epoch(TRAINING_IMAGES, batch_size)
    plan = TrainingPlan(
        settings.epochs * per_epoch,
        batch_size,
        tuple(int(epoch) * per_epoch for epoch in records.epochs),
        learning_rate=settings.rate(batch_size),
        sampling=settings.sampling,
    )
    networks: dict[int, Replicas] = {}
    for row, normalizer in enumerate(settings.normalizers):
        message = _refused(settings, normalizer, batch_size, data)
        if message:
            records.refusals.append(Refusal(normalizer, batch_size, message))
            records.steps_done += plan.steps
        else:
            networks[row] = build_replicas(network_plan(settings.network, normalizer, settings.groups), data.seeds)
    column = settings.batch_sizes.index(batch_size)
    records.begin(batch_size)

    def step() -> bool:
        records.steps_done += 1
        return heard()

    rows = list(networks)
    for number, update in interleaved([training(network, data, plan, step) for network in networks.values()]):
        records.record(rows[number], column, plan.record_at.index(update.step), update)
    if "batch" in settings.normalizers and settings.normalizers.index("batch") in networks:
        row = settings.normalizers.index("batch")
        # All training images at once: then the statistics are exactly those of the network as it is tested.
        recalibrate(networks[row], data, TRAINING_IMAGES, passes=1)
        error = 1 - evaluate(networks[row], data)[1]
        records.recalibrated[column] = np.where(records.diverged_at[row, column] < 0, error, np.nan)
    records.finished.add(column)
    records.begin(0)
    heard()


def _refused(settings: Settings, normalizer: str, batch_size: int, data: ReplicaData) -> str:
    """What PyTorch says of a batch of this size, asked of one plain network; "" where it takes it."""
    network = plain_network(network_plan(settings.network, normalizer, settings.groups), data.seeds[0]).train()
    batch = batch_indices(data, batch_size, 1, settings.sampling)[0, 0]
    try:
        with torch.no_grad():
            network(data.features[batch])
    except ValueError as error:
        return str(error)
    return ""
