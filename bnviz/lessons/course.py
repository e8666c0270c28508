"""The course: chapters and their labs, in the order in which a class takes them. A new lab is entered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bnviz.i18n import N_
from bnviz.lessons import (
    batch_size,
    builder,
    convolution,
    gradient_flow,
    layer,
    modes,
    noise,
    placement,
    recurrence,
    running_stats,
    training,
)
from bnviz.lessons.lesson import Lesson


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its `title` (msgid) and its lessons."""

    title: str
    lessons: tuple[Lesson[Any, Any], ...]


COURSE: Final = (
    Chapter(N_("The layer"), (layer.LESSON, running_stats.LESSON, modes.LESSON)),
    Chapter(N_("The gradient"), (gradient_flow.LESSON, placement.LESSON)),
    Chapter(N_("The batch"), (batch_size.LESSON, noise.LESSON)),
    Chapter(N_("Architectures"), (convolution.LESSON, recurrence.LESSON)),
    Chapter(N_("Whole networks"), (training.LESSON, builder.LESSON)),
)
LESSONS: Final = tuple(lesson for chapter in COURSE for lesson in chapter.lessons)
