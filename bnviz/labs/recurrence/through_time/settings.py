"""Settings of the topic `through_time` of the lab `recurrence`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.recurrence.shared import settings as shared
from bnviz.labs.recurrence.shared.settings import Cell, Seeds, Width


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "through_time"

    cell: Cell = "rnn"
    width: Width = 128
    seeds: Seeds = 6
