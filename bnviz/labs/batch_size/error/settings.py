"""Settings of the topic `error` of the lab `batch_size`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.batch_size.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "error"
