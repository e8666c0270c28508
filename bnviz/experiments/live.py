"""What an experiment needs that reports while it runs: what its results tell, and how often it should speak."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

EVERY_SECONDS: Final = 0.08

R = TypeVar("R")


class LiveResult(Protocol):
    """A result that may be partial: the same type with shorter arrays. `progress`: share of the run that it holds, in [0, 1]."""

    @property
    def settings(self) -> Any: ...

    @property
    def progress(self) -> float: ...


class Updates(Generic[R]):
    """Passes partial results on, some twelve a second, and makes only those that it passes on.

    `updates = Updates(on_update)` before the loop, `updates(lambda: partial_result())` in every step of it. Pausing and
    stopping happen inside that call: `on_update` waits, or raises. No call may be further than half a second from the next.
    """

    def __init__(self, on_update: Callable[[R], None] | None, every: float = EVERY_SECONDS) -> None:
        self._on_update = on_update
        self._every = every
        self._due = time.monotonic()

    def __call__(self, make: Callable[[], R]) -> None:
        if self._on_update is None or time.monotonic() < self._due:
            return
        self._on_update(make())
        self._due = time.monotonic() + self._every
