"""What a run of the topic `dropout` of the lab `noise` measures.

Index letters: V variants (`VARIANTS`), S replicas (seeds), E recorded points, Q pairs (`PAIRS`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bnviz.labs.noise.dropout.settings import Settings
from bnviz.labs.noise.shared.courses import Courses, Floats
from bnviz.labs.noise.shared.shift import Shift
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

VARIANTS: Final = ("none", "dropout_after_norm", "dropout_before_norm", "no_norm")
"""Batch norm without Dropout, with Dropout behind the last batch norm, with Dropout in front of every batch norm, and Dropout at
the same places without batch norm."""
BEFORE: Final = VARIANTS.index("dropout_before_norm")
RECALIBRATED: Final = "recalibrated"
PAIRS: Final = (
    ("none", "dropout_after_norm"),
    ("dropout_after_norm", "dropout_before_norm"),
    ("dropout_before_norm", RECALIBRATED),
    ("dropout_after_norm", RECALIBRATED),
    ("no_norm", RECALIBRATED),
)
"""Of each, the accuracy of the second minus the accuracy of the first is judged."""
HELPS, COSTS, RECOVERED, LEFT, ALONE = range(5)  # indices of PAIRS


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far; errors and accuracies are shares, in eval mode."""

    settings: Settings
    """What was asked for."""
    variants: tuple[str, ...]
    """(V,) `VARIANTS`."""
    courses: Courses
    """Of the variants."""
    recalibrated: Floats
    """(S, E) test accuracy with Dropout in front of batch norm and running statistics re-estimated without Dropout."""
    recalibrated_error: OverSeeds
    """(E,) its error over seeds."""
    train_error: Floats
    """(V + 1, S) error on the training images at the last point, the recalibrated last; NaN until then."""
    pairs: tuple[tuple[str, str], ...]
    """(Q, 2) `PAIRS`."""
    differences: Floats
    """(Q, S) accuracy of the second minus accuracy of the first at the last point."""
    findings: tuple[Finding, ...]
    """(Q,) what they say."""
    shift: Shift
    """With Dropout in front of batch norm, when it was last measured."""
    looked_at: int
    """After so many steps."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.courses.progress
