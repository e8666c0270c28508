"""Settings of the topic `influence` of the lab `modes`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.modes.shared import settings as shared
from bnviz.labs.modes.shared.settings import BatchSize


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "influence"

    batch_size: BatchSize = 8
