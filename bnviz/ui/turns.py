"""Long computations take turns, so that a class with heavy settings leaves the sliders of the others their time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

LONG_S: Final = 0.05
FADING: Final = 0.9  # how much of the longest time is remembered at each turn
LOOK_S: Final = 0.05

Wanted = Callable[[], object]


def patiently(lock: threading.Lock, wanted: Wanted) -> None:
    """Acquire `lock`; while waiting ask `wanted` again and again, which raises where nobody waits any more."""
    while not lock.acquire(timeout=LOOK_S):
        wanted()


class Turns:
    """Work by name: where it has been long of late, or is not known yet, one at a time; what is short goes at once.

    PyTorch's small operations hold Python's lock: two long computations side by side are done no sooner than one after the other,
    and a short one beside them waits for both.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._seconds: dict[str, float] = {}

    def take(self, name: str, work: Callable[[], Any], wanted: Wanted) -> Any:
        """What `work` returns. Raises what it raises, and what `wanted` raises while its turn has not come."""
        if self._seconds.get(name, LONG_S) < LONG_S:
            return self._timed(name, work)
        patiently(self._turn, wanted)
        try:
            return self._timed(name, work)
        finally:
            self._turn.release()

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.thread_time()
        try:
            return work()
        finally:
            self._seconds[name] = max(time.thread_time() - start, FADING * self._seconds.get(name, 0.0))
