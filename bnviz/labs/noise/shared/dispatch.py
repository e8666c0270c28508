"""The lab `noise`: why batch norm regularizes, and what happens with Dropout. Four topics, chosen by `Settings.topic`.

`mates` and `shift` are instant and give a `Result`; `dropout` and `ghost` train and have modules and results of their own.
Index letters: R draws, K bins, L hidden layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.noise.dropout import experiment as noise_dropout
from bnviz.labs.noise.ghost import experiment as noise_ghost
from bnviz.labs.noise.mates.experiment import Mates, measure_mates
from bnviz.labs.noise.shared.pure import Pure, measure_pure
from bnviz.labs.noise.shared.settings import Settings
from bnviz.labs.noise.shift.experiment import Shift, measure_fresh

__all__ = ["MatesResult", "Result", "Settings", "run", "run_instant", "run_mates"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MatesResult:
    """What the page of the topic `mates` shows. `mates` is None in the topic `shift`, where nobody looks at it."""

    settings: Settings
    mates: Mates | None

    @property
    def samples(self) -> NDArray[np.float32]:
        """Outputs (R,) of the fixed sample over random batch-mates; empty in the topic `shift`."""
        return np.empty(0, np.float32) if self.mates is None else self.mates.samples

    @property
    def law_x(self) -> Floats:
        """Bin centres (K,) of `law_pdf`."""
        return np.empty(0) if self.mates is None else self.mates.law_x

    @property
    def law_pdf(self) -> Floats:
        """Density (K,) of the exact law of `samples`, averaged over each bin around `law_x`."""
        return np.empty(0) if self.mates is None else self.mates.law_pdf

    @property
    def progress(self) -> float:
        """Instant topics are done when they answer."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Result(MatesResult):
    """What both instant topics measured."""

    shift: Shift
    pure: Pure

    @property
    def variance_ratio(self) -> Floats:
        """Variance (L,) of each layer's batch norm output in eval mode over that in training, measured."""
        return self.shift.ratio

    @property
    def variance_ratio_theory(self) -> Floats:
        """The same (L,), predicted from training mode."""
        return self.shift.ratio_theory


def run(settings: Settings, on_update: Callable[[Any], None] | None = None) -> Any:
    """The chosen topic's result: `Result`, `noise_dropout.Result` or `noise_ghost.Result`.

    `on_update` gets partial results of the topics that train. Raises: CostError; BatchOfOneError for batches of one.
    """
    if settings.topic == "dropout":
        return noise_dropout.run(settings, on_update)
    if settings.topic == "ghost":
        return noise_ghost.run(settings, on_update)
    return run_instant(settings)


def run_instant(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Measure the topics `mates` and `shift`; `data` is part of every lab's interface and not used here.

    Raises: as `run`.
    """
    mates = None if settings.topic == "shift" else measure_mates(settings)
    return Result(settings, mates, measure_fresh(settings), measure_pure(settings.seed))


def run_mates(settings: Settings, data: NDArray[np.float32] | None = None) -> MatesResult:
    """The topic `mates` alone, which is all that its page shows. Raises: as `run`."""
    return MatesResult(settings, measure_mates(settings))
