"""The lesson `noise`: why batch norm regularizes, and what happens with Dropout."""

from __future__ import annotations

from typing import Any, Final

from bnviz.experiments.noise_settings import Settings
from bnviz.i18n import N_
from bnviz.lessons.lesson import Lesson, with_topics
from bnviz.lessons.noise_dropout import DROPOUT_TOPIC
from bnviz.lessons.noise_ghost import GHOST
from bnviz.lessons.noise_mates import MATES
from bnviz.lessons.noise_shift import SHIFT

PARTS: Final[tuple[Lesson[Settings, Any], ...]] = (MATES, SHIFT, DROPOUT_TOPIC, GHOST)

LESSON: Final[Lesson[Settings, Any]] = with_topics(
    N_("Noise and Dropout"), N_("Why does batch norm regularize, and what happens with Dropout?"), PARTS
)
