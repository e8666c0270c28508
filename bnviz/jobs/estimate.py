"""How far a run is between the partial results that tell it, from the work that is heard of meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHORTEST_REST: Final = 0.05
"""Of the work done, where more was done than expected."""
MOST_OF_REST: Final = 0.95
"""That one piece may be: the end is told by the run alone."""


@dataclass(eq=False)
class Estimate:
    """Grows with the work, never falls, and stays below 1."""

    share: float | None = None
    """Of the run that is done; None before anything is known."""
    _work: float = 0.0
    _rest: float | None = None
    """Work that is still to come."""
    _first: tuple[float, float] | None = None
    """Work and share when a partial result came first: what was done before, no later step does again."""
    _told: float | None = None

    def worked(self, work: float, told: float | None, expected: float | None) -> None:
        """`work` seconds have been done, of about `expected` in all (None: nobody knows). `told`: share by the latest partial result."""
        if self._rest is None and expected is not None:
            self._rest = expected
        if self._rest is not None:
            rest = max(self._rest, SHORTEST_REST * work)
            step = min(work - self._work, MOST_OF_REST * rest)
            self.share = 1 - (1 - (self.share or 0.0)) * (1 - step / rest)
            self._rest = rest - step
        self._work = work
        if told is not None and told != self._told:
            self._hear(told)

    def _hear(self, told: float) -> None:
        self._told, self.share = told, max(told, self.share or 0.0)
        if self._first is None:
            self._first = self._work, told
        elif told > self._first[1]:
            work, share = self._first
            self._rest = (1 - told) * (self._work - work) / (told - share)
