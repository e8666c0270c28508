"""The lesson `modes`: why a model answers differently after `model.eval()`, in six topics."""

from __future__ import annotations

from typing import Any, Final

from bnviz.labs.modes.shared.dispatch import Settings
from bnviz.i18n import N_
from bnviz.labs.modes.freeze_matrix import lesson as modes_freeze_matrix
from bnviz.labs.modes.gap import lesson as modes_gap
from bnviz.labs.modes.influence import lesson as modes_influence
from bnviz.labs.modes.momentum_error import lesson as modes_momentum_error
from bnviz.labs.modes.poison import lesson as modes_poison
from bnviz.labs.modes.update_count import lesson as modes_update_count
from bnviz.teaching.lab import Lesson, with_topics

PARTS: Final[tuple[Lesson[Settings, Any], ...]] = (
    modes_gap.LESSON,
    modes_momentum_error.LESSON,
    modes_freeze_matrix.LESSON,
    modes_update_count.LESSON,
    modes_influence.LESSON,
    modes_poison.LESSON,
)
LESSON: Final = with_topics(N_("Train and eval"), N_("Why does my model answer differently after model.eval()?"), PARTS)
