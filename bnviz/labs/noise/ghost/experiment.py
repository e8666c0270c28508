"""The topic `ghost` of the lab `noise`: batch norm over parts of the batch, so that its noise changes and nothing else does.

Index letters: V ghost sizes, the whole batch first, S replicas (seeds), E recorded points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.ghost_batch_norm import GhostBatchNorm1d
from bnviz.core.replica_data import ReplicaData, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, every
from bnviz.labs.noise.ghost.result import Result, ghost_sizes
from bnviz.labs.noise.ghost.settings import Settings
from bnviz.labs.noise.shared.courses import Floats
from bnviz.labs.noise.shared.population import squared_correlation
from bnviz.labs.noise.shared.training import SECONDS, courses, judged, recalibrated, seconds_to_train
from bnviz.study.cost import check_cost
from bnviz.study.updates import train_interleaved
from bnviz.theory import noise

POINTS: Final = 25
SAMPLES: Final = 65_536  # normal values on which R² is measured


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train with every ghost size in turns; `on_update` gets partial results on the way.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one; BnvizError where the batch
    cannot be cut.
    """
    estimated_seconds(settings)
    sizes = ghost_sizes(settings.batch_size)
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)), train_size=settings.train_size)
    steps = settings.epochs * steps_per_epoch(settings.train_size, settings.batch_size)
    points = every(max(1, math.ceil(steps / POINTS)), steps)
    networks = [build_replicas(size_plan(settings, size), data.seeds) for size in sizes]
    fidelity = np.array([_fidelity(settings, size) for size in sizes])
    plan = TrainingPlan(steps, settings.batch_size, points, learning_rate=settings.learning_rate)
    return train_interleaved(
        networks, data, plan, on_update, lambda done: _result(settings, sizes, data, networks, done, fidelity)
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch; BnvizError where it cannot be cut.
    """
    refuse_batch_of_one(settings.batch_size, settings.width)
    seconds = seconds_to_train(settings, len(ghost_sizes(settings.batch_size)), POINTS, slow=0.0)
    check_cost(seconds, SECONDS, ("seeds", "epochs", "depth", "width"))
    return seconds


def size_plan(settings: Settings, size: int) -> NetworkPlan:
    """[Linear → BN → ReLU] × depth → Linear; the whole batch is a ghost batch too, the only one."""
    return NetworkPlan(
        inputs=64, classes=10, widths=(settings.width,) * settings.depth, position="before", init="he", ghost_size=size
    )


def _fidelity(settings: Settings, size: int) -> tuple[float, float]:
    """R² behind `GhostBatchNorm1d` in training mode, over normal values, and its standard error."""
    batches = max(1, SAMPLES // settings.batch_size)
    generator = torch.Generator().manual_seed(settings.seed)
    values = torch.randn(settings.batch_size, batches, generator=generator)
    with torch.no_grad():
        outputs = GhostBatchNorm1d(batches, size)(values)
    return squared_correlation(values, outputs)


def _result(
    settings: Settings,
    sizes: tuple[int, ...],
    data: ReplicaData,
    networks: Sequence[Replicas],
    done: Sequence[Sequence[Update]],
    fidelity: Floats,
) -> Result:
    """What every ghost size has reached."""
    reached_by_all = courses(done, steps_per_epoch(settings.train_size, settings.batch_size))
    final = reached_by_all.accuracy[:, :, -1]
    afresh = np.full_like(final, np.nan)
    if reached_by_all.progress == 1:
        # All with the whole batch's statistics: what is left of the differences was learned.
        afresh = np.stack(
            [
                recalibrated(network, data, settings, np.isfinite(accuracy))
                for network, accuracy in zip(networks, final, strict=True)
            ]
        )
    return Result(
        settings=settings,
        sizes=sizes,
        courses=reached_by_all,
        differences=final[1:] - final[0],
        findings=judged(final[1:] - final[0]),
        recalibrated=afresh,
        fidelity=fidelity[:, 0],
        fidelity_error=fidelity[:, 1],
        fidelity_theory=np.asarray(noise.fidelity(np.array(sizes))),
    )
