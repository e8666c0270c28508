"""The lab `training`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.training.boundaries.lesson import TOPIC as BOUNDARIES
from bnviz.labs.training.landscape.lesson import TOPIC as LANDSCAPE
from bnviz.labs.training.race.lesson import TOPIC as RACE
from bnviz.labs.training.sweep.lesson import TOPIC as SWEEP
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="training",
    title=N_("Training a network"),
    question=N_("What does batch norm buy a whole network?"),
    topics=(
        RACE,
        SWEEP,
        BOUNDARIES,
        LANDSCAPE,
    ),
)
