"""What the topic `statistics` of the lab `batch_size` measures.

Index letters: B batch sizes, Q points of the scatter plot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.batch_size.shared.parameters import NetworkName
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.labs.batch_size.statistics.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CloseStatistics(Statistics):
    """One batch norm layer over all batch sizes, and one batch size looked at closely."""

    batch_size: int
    """The one."""
    batch_fidelity: float
    """R² there; NaN where PyTorch refuses the batch."""
    batch_fidelity_theory: float
    """The same in theory."""
    truth: Floats
    """(Q,) (x − μ)/σ of values of one channel there."""
    output: Floats
    """(Q,) what batch norm made of them."""
    refusal: str
    """PyTorch's words where it refuses a batch of any size that was asked for, else ""."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The same batches of digits in two fresh networks."""

    settings: Settings
    """What was asked for."""
    statistics: CloseStatistics
    """Of the MLP."""
    other_statistics: CloseStatistics
    """Of the CNN."""

    @property
    def batch_sizes(self) -> NDArray[np.int64]:
        """(B,) in the order of the settings."""
        return self.statistics.batch_sizes

    def both_statistics(self) -> dict[NetworkName, CloseStatistics]:
        """Of the MLP and of the CNN."""
        return {"mlp": self.statistics, "cnn": self.other_statistics}
