"""What a run of the topic `ghost` of the lab `noise` measures.

Index letters: V ghost sizes, the whole batch first, S replicas (seeds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bnviz.errors import BnvizError
from bnviz.i18n import N_
from bnviz.labs.noise.ghost.settings import Settings
from bnviz.labs.noise.shared.courses import Courses, Floats
from bnviz.study.verdict import Finding
from bnviz.teaching.display import Displayed

GHOSTS: Final = (8, 4, 2)


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far; accuracies are shares of the test images."""

    settings: Settings
    """What was asked for."""
    sizes: tuple[int, ...]
    """(V,) samples per statistic, m; the first is the whole batch."""
    courses: Courses
    """Of the sizes."""
    differences: Floats
    """(V − 1, S) accuracy of each ghost size − accuracy of the whole batch at the last point."""
    findings: tuple[Finding, ...]
    """(V − 1,) what they say."""
    recalibrated: Floats
    """(V, S) test accuracy in the end with running statistics taken afresh; NaN until then."""
    fidelity: Floats
    """(V,) R², what is left of a sample's own value behind a real ghost batch norm in training, measured on normal values."""
    fidelity_error: Floats
    """(V,) its standard error."""
    fidelity_theory: Floats
    """(V,) R²(m)."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.courses.progress


def ghost_sizes(batch_size: int) -> tuple[int, ...]:
    """The whole batch, and those of `GHOSTS` that are smaller and divide it.

    Raises: BnvizError where there is none.
    """
    ghosts = tuple(size for size in GHOSTS if size < batch_size and batch_size % size == 0)
    if not ghosts:
        raise BnvizError(
            N_(
                "A batch of {batch_size} cannot be cut into ghost batches of 8, 4 or 2. Take an even batch size from 4 on."
            ),
            batch_size=batch_size,
        )
    return (batch_size, *ghosts)
