"""The lesson `training`: what batch norm buys a whole network, in four topics."""

from __future__ import annotations

from typing import Any, Final

from bnviz.i18n import N_
from bnviz.lessons.lesson import Lesson, with_topics
from bnviz.lessons.training_boundaries import BOUNDARIES
from bnviz.lessons.training_landscape import LANDSCAPE
from bnviz.lessons.training_race import RACE
from bnviz.lessons.training_sweep import SWEEP

PARTS: Final[tuple[Lesson[Any, Any], ...]] = (RACE, SWEEP, BOUNDARIES, LANDSCAPE)
LESSON: Final = with_topics(N_("Training a network"), N_("What does batch norm buy a whole network?"), PARTS)
