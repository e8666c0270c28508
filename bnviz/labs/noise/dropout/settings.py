"""Settings of the topic `dropout` of the lab `noise`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.noise.shared import settings as shared
from bnviz.labs.noise.shared.settings import BatchSize


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "dropout"

    batch_size: BatchSize = 64
