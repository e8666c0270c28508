"""Settings of the topic `momentum_error` of the lab `modes`."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.shared.parameters import Passes, Steps
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import BatchSize, Momentum, MomentumValue, Seeds

GRID: Final[tuple[MomentumValue, ...]] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, "cumulative")
"""The momentums that every run compares."""


class Settings(
    NetworkSettings, offered={"batch_size": (1, 256), "depth": (1, 12), "width": (8, 192), "steps": (1, 300)}
):
    """What the topic opens with."""

    batch_size: BatchSize = 16
    momentum: Momentum = 0.01
    steps: Steps = 84
    passes: Passes = 16
    seeds: Seeds = 6


def compared(momentum: MomentumValue) -> tuple[MomentumValue, ...]:
    """The grid with `momentum` in its place."""
    numbers = sorted({value for value in (*GRID, momentum) if not isinstance(value, str)})
    return (*numbers, "cumulative")
