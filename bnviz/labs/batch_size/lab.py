"""The lessons of the lab `batch_size`."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.batch_size.error.lesson import ERROR
from bnviz.labs.batch_size.statistics.lesson import STATISTICS
from bnviz.teaching.lab import with_topics

LESSON: Final = with_topics(
    N_("Batch size"), N_("How small may a batch be, and what to use instead?"), (ERROR, STATISTICS)
)
