"""Settings of the topic `momentum_error` of the lab `modes`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.modes.shared import settings as shared
from bnviz.labs.modes.shared.settings import BatchSize, Momentum, Seeds, Steps


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "momentum_error"

    momentum: Momentum = 0.01
    batch_size: BatchSize = 16
    steps: Steps = 84
    seeds: Seeds = 6
