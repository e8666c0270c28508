"""Settings of the topic `race` of the lab `training`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.training.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "race"
