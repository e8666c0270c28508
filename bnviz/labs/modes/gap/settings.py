"""Settings of the topic `gap` of the lab `modes`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.modes.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "gap"
