"""The course: chapters and their labs, in the order in which a class takes them. A new lab is entered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bnviz.i18n import N_
from bnviz.labs.batch_size import lab as batch_size
from bnviz.labs.builder import lesson as builder
from bnviz.labs.convolution import lab as convolution
from bnviz.labs.gradient_flow import lesson as gradient_flow
from bnviz.labs.layer import lesson as layer
from bnviz.labs.modes import lab as modes
from bnviz.labs.noise import lab as noise
from bnviz.labs.placement import lesson as placement
from bnviz.labs.recurrence import lab as recurrence
from bnviz.labs.running_stats import lesson as running_stats
from bnviz.labs.training import lab as training
from bnviz.teaching.lab import Lesson


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
