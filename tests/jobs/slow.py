"""An experiment that counts, for the tests of everything between a long run and its picture."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz import work
from bnviz.errors import SettingError
from bnviz.settings import BatchSize, LabSettings, Seed

WRONG: Final = 1000
DEADLY: Final = 1001
DEAF: Final = 1002
BROKEN: Final = 1003
GREEDY: Final = 1004
GREEDY_TORCH: Final = 1005
TACITURN: Final = 1006
TICK: Final = 0.05
PATIENT: Final = 200
"""Ticks after which a run of more than 512 takes its time, so that who is late still finds it running."""


class Settings(LabSettings):
    """`batch_size`: ticks to count. `seed`: 1000 raises, 1001 dies, 1002 hears no order, 1003 has a bug, 1004 and 1005 want a
    gigabyte, 1006 works without a partial result.
    """

    batch_size: BatchSize = 32
    seed: Seed = 0


@dataclass(frozen=True, slots=True)
class Result:
    """`values` (T,): a random walk; `worker`: the process that counted."""

    settings: Settings
    values: NDArray[np.float64]
    worker: int

    @property
    def progress(self) -> float:
        """Share of the run."""
        return len(self.values) / self.settings.batch_size


def run(
    settings: Settings, on_update: Callable[[Result], None] | None = None, data: NDArray[np.float32] | None = None
) -> Result:
    """Count, 20 ticks a second, from `PATIENT` on 2 where there are many; where there is `data`, its sum is added to every value."""
    if settings.seed == WRONG:
        raise SettingError("seed", "below 1000", settings.seed)
    if settings.seed == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if settings.seed == BROKEN:
        raise ZeroDivisionError
    if settings.seed == GREEDY:
        np.ones(2**27)
    if settings.seed == GREEDY_TORCH:
        import torch

        torch.ones(2**28)
    values = np.random.default_rng(settings.seed).normal(size=settings.batch_size).cumsum()
    values = values if data is None else values + data.sum()
    for tick in range(settings.batch_size):
        time.sleep(TICK if tick < PATIENT or settings.batch_size <= 512 else 10 * TICK)
        if settings.seed == TACITURN:
            work.done(TICK)
        elif on_update and settings.seed != DEAF:
            on_update(Result(settings, values[: tick + 1], os.getpid()))
    return Result(settings, values, os.getpid())


def run_backwards(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """The same walk from its end."""
    result = run(settings, on_update)
    return Result(settings, result.values[::-1], result.worker)
