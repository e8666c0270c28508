"""The topic `ghost` of the lab `noise`: batch norm over parts of the batch, so that its noise changes and nothing else does.

Index letters: V ghost sizes, the whole batch first, S replicas (seeds), E recorded points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.core.ghost_batch_norm import GhostBatchNorm1d
from bnviz.core.replica_data import ReplicaData, digits_data, steps_per_epoch
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, every
from bnviz.errors import BatchOfOneError, BnvizError
from bnviz.i18n import N_
from bnviz.labs.noise.ghost.settings import Settings
from bnviz.labs.noise.shared.population import squared_correlation
from bnviz.labs.noise.shared.training import SECONDS, Courses, courses, judged, recalibrated, seconds_to_train
from bnviz.study.cost import check_cost
from bnviz.study.updates import train_in_turns
from bnviz.study.verdict import Finding
from bnviz.theory import noise

__all__ = ["Result", "Settings", "estimated_seconds", "run"]

Floats = NDArray[np.float64]

GHOSTS: Final = (8, 4, 2)
POINTS: Final = 25
SAMPLES: Final = 65_536  # normal values on which R² is measured


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has measured so far.

    `sizes` (V,): samples per statistic, m; the first is the whole batch. `courses`: their trainings. `differences` (V − 1, S):
    accuracy of each ghost size − accuracy of the whole batch at the last point; `findings` (V − 1,).
    `recalibrated` (V, S): test accuracy in the end with running statistics taken afresh; NaN until then.
    `fidelity` (V,): R², what is left of a sample's own value behind a real ghost batch norm in training, measured on normal
    values, with its standard error; `fidelity_theory` (V,): R²(m).
    """

    settings: Settings
    sizes: tuple[int, ...]
    courses: Courses
    differences: Floats
    findings: tuple[Finding, ...]
    recalibrated: Floats
    fidelity: Floats
    fidelity_error: Floats
    fidelity_theory: Floats

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.courses.progress


def ghost_sizes(batch_size: int) -> tuple[int, ...]:
    """The whole batch, and those of `GHOSTS` that are smaller and divide it.

    Raises: BnvizError where there is none.
    """
    ghosts = tuple(size for size in GHOSTS if size < batch_size and batch_size % size == 0)
    if not ghosts:
        raise BnvizError(
            N_(
                "A batch of {batch_size} cannot be cut into ghost batches of 8, 4 or 2. Take an even batch size from 4 on."
            ),
            batch_size=batch_size,
        )
    return (batch_size, *ghosts)


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
    return train_in_turns(
        networks, data, plan, on_update, lambda done: _result(settings, sizes, data, networks, done, fidelity)
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch; BnvizError where it cannot be cut.
    """
    try:
        nn.BatchNorm1d(settings.width)(torch.zeros(settings.batch_size, settings.width))
    except ValueError as error:
        raise BatchOfOneError(error) from error
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
    together = courses(done, steps_per_epoch(settings.train_size, settings.batch_size))
    final = together.accuracy[:, :, -1]
    afresh = np.full_like(final, np.nan)
    if together.progress == 1:
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
        courses=together,
        differences=final[1:] - final[0],
        findings=judged(final[1:] - final[0]),
        recalibrated=afresh,
        fidelity=fidelity[:, 0],
        fidelity_error=fidelity[:, 1],
        fidelity_theory=np.asarray(noise.fidelity(np.array(sizes))),
    )
