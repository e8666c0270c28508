"""The lesson `training`: what batch norm buys a whole network, in four topics."""

from __future__ import annotations

from typing import Any, Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Lesson, with_topics
from bnviz.labs.training.boundaries.lesson import BOUNDARIES
from bnviz.labs.training.landscape.lesson import LANDSCAPE
from bnviz.labs.training.race.lesson import RACE
from bnviz.labs.training.sweep.lesson import SWEEP

PARTS: Final[tuple[Lesson[Any, Any], ...]] = (RACE, SWEEP, BOUNDARIES, LANDSCAPE)
LESSON: Final = with_topics(N_("Training a network"), N_("What does batch norm buy a whole network?"), PARTS)
