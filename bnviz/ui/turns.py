"""Whose script runs: one at a time, a part of a page before a whole one that has not waited long.

All scripts share Python's lock, and each gives it away whenever it sends an element. When ten run at once, all of them and the event
loop wait for it again and again: a slider's movement, a fiftieth of a second's work, takes ten times as long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TURN_S: Final = 0.1
"""Who takes longer goes on beside the next."""
PATIENCE_S: Final = 0.5
"""How long a whole page stands back."""


class _Turn:
    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.called = threading.Event()
        self.asked = time.monotonic()
        self.start = 0.0


class _Mine(threading.local):
    turn: _Turn | None = None
    """What this thread has; None where it has none."""


class Turns:
    """The turns of one server's scripts. `longest`: seconds until the next begins in any case. `patience`: of whole pages, in seconds."""

    def __init__(self, longest: float = TURN_S, patience: float = PATIENCE_S) -> None:
        self._longest, self._patience = longest, patience
        self._lock = threading.Lock()
        self._now: _Turn | None = None
        self._waiting: list[_Turn] = []
        self._mine = _Mine()

    @contextmanager
    def take(self, *, whole: bool) -> Iterator[None]:
        """Wait for a turn, and have it inside; what is inside of another has that one. `whole`: for a page, not for a part of one."""
        if self._mine.turn is not None:
            yield
            return
        self._begin(whole=whole)
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let others have their turns while this thread waits for something."""
        if self._mine.turn is None:
            yield
            return
        whole = self._end()
        try:
            yield
        finally:
            self._begin(whole=whole)

    def _begin(self, *, whole: bool) -> None:
        turn = _Turn(whole=whole)
        with self._lock:
            self._waiting.append(turn)
            self._call_next()
        while not turn.called.wait(self._longest):
            with self._lock:
                self._call_next()
        self._mine.turn = turn

    def _end(self) -> bool:
        """Whether it was a whole page's."""
        turn, self._mine.turn = self._mine.turn, None
        assert turn is not None
        with self._lock:
            if self._now is turn:
                self._now = None
            self._call_next()
        return turn.whole

    def _call_next(self) -> None:
        now = time.monotonic()
        if self._waiting and (self._now is None or now - self._now.start >= self._longest):
            self._now = min(
                self._waiting, key=lambda turn: turn.whole and now - turn.asked < self._patience
            )  # of equals the first
            self._now.start = now
            self._waiting.remove(self._now)
            self._now.called.set()


TURNS: Final = Turns()
