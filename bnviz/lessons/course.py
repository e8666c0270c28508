"""The course: chapters and their labs, in the order in which a class takes them. A new lab is entered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bnviz.i18n import N_
from bnviz.lessons import gradient_flow, layer, placement, running_stats, training
from bnviz.lessons.lesson import Lesson


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its `title` (msgid) and its lessons."""

    title: str
    lessons: tuple[Lesson[Any, Any], ...]


COURSE: Final = (
    Chapter(N_("The layer"), (layer.LESSON, running_stats.LESSON)),
    Chapter(N_("The gradient"), (gradient_flow.LESSON, placement.LESSON)),
    Chapter(N_("Whole networks"), (training.LESSON,)),
)
LESSONS: Final = tuple(lesson for chapter in COURSE for lesson in chapter.lessons)
