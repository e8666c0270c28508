"""The lab `recurrence`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.recurrence.error.lesson import TOPIC as ERROR
from bnviz.labs.recurrence.steps.lesson import TOPIC as STEPS
from bnviz.labs.recurrence.through_time.lesson import TOPIC as THROUGH_TIME
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="recurrence",
    title=N_("Recurrent networks"),
    question=N_("Why is batch norm awkward in an RNN?"),
    topics=(
        STEPS,
        ERROR,
        THROUGH_TIME,
    ),
)
