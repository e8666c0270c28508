"""The lesson `recurrence`: why batch norm is awkward in an RNN."""

from __future__ import annotations

from typing import Any, Final

from bnviz.i18n import N_
from bnviz.labs.recurrence.error import lesson as recurrence_error
from bnviz.labs.recurrence.steps import lesson as recurrence_steps
from bnviz.labs.recurrence.through_time import lesson as recurrence_through_time
from bnviz.teaching.lab import Lesson, with_topics

PARTS: Final[tuple[Lesson[Any, Any], ...]] = (
    recurrence_steps.LESSON,
    recurrence_error.LESSON,
    recurrence_through_time.LESSON,
)
LESSON: Final = with_topics(N_("Recurrent networks"), N_("Why is batch norm awkward in an RNN?"), PARTS)
