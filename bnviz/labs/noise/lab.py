"""The lesson `noise`: why batch norm regularizes, and what happens with Dropout."""

from __future__ import annotations

from typing import Any, Final

from bnviz.labs.noise.shared.settings import Settings
from bnviz.i18n import N_
from bnviz.teaching.lab import Lesson, with_topics
from bnviz.labs.noise.dropout.lesson import DROPOUT_TOPIC
from bnviz.labs.noise.ghost.lesson import GHOST
from bnviz.labs.noise.mates.lesson import MATES
from bnviz.labs.noise.shift.lesson import SHIFT

PARTS: Final[tuple[Lesson[Settings, Any], ...]] = (MATES, SHIFT, DROPOUT_TOPIC, GHOST)

LESSON: Final[Lesson[Settings, Any]] = with_topics(
    N_("Noise and Dropout"), N_("Why does batch norm regularize, and what happens with Dropout?"), PARTS
)
