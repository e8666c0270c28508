"""The lab `noise`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.noise.dropout.lesson import TOPIC as DROPOUT
from bnviz.labs.noise.ghost.lesson import TOPIC as GHOST
from bnviz.labs.noise.mates.lesson import TOPIC as MATES
from bnviz.labs.noise.shift.lesson import TOPIC as SHIFT
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="noise",
    title=N_("Noise and Dropout"),
    question=N_("Why does batch norm regularize, and what happens with Dropout?"),
    topics=(
        MATES,
        SHIFT,
        DROPOUT,
        GHOST,
    ),
)
