"""How far a run is between the partial results that tell it, from the work that is heard of meanwhile."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

UNKNOWN_REST: Final = 0.5
"""Work that is still to come, over the work done, at least, as long as no two partial results have told how fast it goes."""
SHORTEST_REST: Final = 0.05
"""The same from then on."""
MOST_OF_REST: Final = 0.95
"""That one piece may be: the end is told by the run alone."""
LATELY_SECONDS: Final = 10.0
"""A run's speed is that of its last seconds, so many at least: another program may have begun or ended beside it."""
LATELY_SHARE: Final = 0.25
"""Or this share of all its seconds, where that is more: of a long run, not every swing is told."""
BETWEEN_MARKS: Final = 0.5
"""Seconds."""


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
    _speed_known: bool = False

    def worked(self, work: float, told: float | None, expected: float | None) -> None:
        """`work` seconds have been done, of about `expected` in all (None: nobody knows). `told`: share by the latest partial result."""
        if self._rest is None and expected is not None:
            self._rest = expected
        if self._rest is not None:
            rest = max(self._rest, (SHORTEST_REST if self._speed_known else UNKNOWN_REST) * work)
            step = min(work - self._work, MOST_OF_REST * rest)
            self.share = 1 - (1 - (self.share or 0.0)) * (1 - step / rest)
            self._rest = rest - step
        self._work = work
        if told is not None and told != self._told:
            self._hear(told, expected)

    def _hear(self, told: float, expected: float | None) -> None:
        self._told, self.share = told, max(told, self.share or 0.0)
        if self._first is None:
            self._first = self._work, told
            if self._rest is not None and expected is not None:
                # What is expected is the training; what was done before may not be in it.
                self._rest = max(self._rest, (1 - told) * expected)
        elif told > self._first[1]:
            work, share = self._first
            self._rest = (1 - told) * (self._work - work) / (told - share)
            self._speed_known = True


@dataclass(eq=False)
class Pace:
    """How fast a run has gone lately, by the clock."""

    _marks: deque[tuple[float, float]] = field(default_factory=lambda: deque([(0.0, 0.0)]))
    """Seconds and share, each later and more than the one before; the first is where "lately" begins."""

    def at(self, seconds: float, share: float) -> None:
        """When the run had worked for `seconds`, `share` of it was done."""
        marks = self._marks
        last_seconds, last_share = marks[-1]
        if seconds >= last_seconds + BETWEEN_MARKS and share > last_share:
            marks.append((seconds, share))
        lately = max(LATELY_SECONDS, LATELY_SHARE * seconds)
        while len(marks) > 2 and marks[1][0] <= seconds - lately:  # of two, the last may be all there is
            marks.popleft()

    def left(self, seconds: float, share: float) -> float:
        """Seconds that the rest takes at that speed; `share`: of the run, more than 0, no less than any that was told."""
        since, done = self._marks[0]
        return (seconds - since) * (1 - share) / (share - done)
