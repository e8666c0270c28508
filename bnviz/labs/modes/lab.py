"""The lab `modes`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.modes.backward.lesson import TOPIC as BACKWARD
from bnviz.labs.modes.freeze_matrix.lesson import TOPIC as FREEZE_MATRIX
from bnviz.labs.modes.gap.lesson import TOPIC as GAP
from bnviz.labs.modes.influence.lesson import TOPIC as INFLUENCE
from bnviz.labs.modes.momentum_error.lesson import TOPIC as MOMENTUM_ERROR
from bnviz.labs.modes.poison.lesson import TOPIC as POISON
from bnviz.labs.modes.update_count.lesson import TOPIC as UPDATE_COUNT
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="modes",
    title=N_("Train and eval"),
    question=N_("Why does my model predict differently after model.eval()?"),
    topics=(
        GAP,
        MOMENTUM_ERROR,
        FREEZE_MATRIX,
        UPDATE_COUNT,
        INFLUENCE,
        POISON,
        BACKWARD,
    ),
)
