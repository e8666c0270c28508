"""Settings of the topic `poison` of the lab `modes`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.modes.shared import settings as shared
from bnviz.labs.modes.shared.settings import Steps


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "poison"

    steps: Steps = 60
