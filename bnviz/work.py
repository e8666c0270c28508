"""Work that is done piece by piece, heard of by whoever waits for it in the same thread.

Who does a piece says so here, at the place where the time goes: in a layer, an optimizer, a histogram. So nothing above has
to remember it, and every piece is a place at which a long run may be told to wait or to stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[float], None]


class _Here(threading.local):
    listener: Listener | None = None


_here = _Here()


def heard() -> bool:
    """Whether anybody listens in this thread."""
    return _here.listener is not None


def done(seconds: float) -> None:
    """Say that a piece of work is done that takes one core about so many `seconds`. Raises what the listener raises, to stop it."""
    listener = _here.listener
    if listener is not None:
        listener(seconds)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, in this thread, `listener` gets the seconds of every piece: far more often than anybody would want to look."""
    before, _here.listener = _here.listener, listener
    try:
        yield
    finally:
        _here.listener = before
