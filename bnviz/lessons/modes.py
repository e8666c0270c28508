"""The lesson `modes`: why a model answers differently after `model.eval()`, in six topics."""

from __future__ import annotations

from typing import Any, Final

from bnviz.experiments.modes import Settings
from bnviz.i18n import N_
from bnviz.lessons import (
    modes_freeze_matrix,
    modes_gap,
    modes_influence,
    modes_momentum_error,
    modes_poison,
    modes_update_count,
)
from bnviz.lessons.lesson import Lesson, with_topics

PARTS: Final[tuple[Lesson[Settings, Any], ...]] = (
    modes_gap.LESSON,
    modes_momentum_error.LESSON,
    modes_freeze_matrix.LESSON,
    modes_update_count.LESSON,
    modes_influence.LESSON,
    modes_poison.LESSON,
)
LESSON: Final = with_topics(N_("Train and eval"), N_("Why does my model answer differently after model.eval()?"), PARTS)
