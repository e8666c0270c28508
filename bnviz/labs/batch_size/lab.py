"""The lab `batch_size`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.batch_size.error.lesson import TOPIC as ERROR
from bnviz.labs.batch_size.statistics.lesson import TOPIC as STATISTICS
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="batch_size",
    title=N_("Batch size"),
    question=N_("How small may a batch be, and what to use instead?"),
    topics=(
        ERROR,
        STATISTICS,
    ),
)
