"""Settings of the topic `mates` of the lab `noise`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.noise.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "mates"
