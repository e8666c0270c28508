"""An experiment that counts, for the tests of the pool."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from bnviz.errors import SettingError
from bnviz.settings import LabSettings, Seed


class Settings(LabSettings):
    """`seed`: what to do."""

    seed: Seed = 0


def run(settings: Settings, on_update: Callable[[int], None] | None = None) -> int:
    """Count for two seconds, raise (seed 100) or die (101)."""
    if settings.seed == 100:
        raise SettingError("seed", "below 100", settings.seed)
    if settings.seed == 101:
        os.kill(os.getpid(), signal.SIGKILL)
    for count in range(40):
        time.sleep(0.05)
        if on_update:
            on_update(count)
    return os.getpid()
