"""Settings of the topic `error` of the lab `recurrence`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.recurrence.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "error"
