"""Who computes when and where: light work at once, heavy work first come first served, in processes beside the server.

PyTorch's small operations hold Python's lock: in one process two heavy computations side by side are done no sooner than one after
the other, and whatever a page does beside them waits for both.
"""

from __future__ import annotations

import bisect
import statistics
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from bnviz.study import cost
from bnviz.ui.turns import TURNS

HEAVY_S: Final = 0.05
"""Work that takes longer, in seconds of processor time, is heavy."""
LIGHT_SHARE: Final = 0.2
"""Of what one may ask for, what is begun as light work at most: a fifth of a second for most topics, a fiftieth for the quickest."""
LIGHT_AT_ONCE: Final = 4
LOOK_S: Final = 0.1
"""How often who waits looks whether they still want it."""
REMEMBERED_RUNS: Final = 16
REMEMBERED_NAMES: Final = 256

T = TypeVar("T")


class Elsewhere(Protocol):
    """Where heavy work is done."""

    @property
    def count(self) -> int:
        """How much of it at once."""

    def run(self, call: Callable[[], T]) -> tuple[T, float]:
        """What `call` returns, and the seconds of processor time that it took. Raises what it raises."""


WhileWaiting = Callable[[int], object]
"""Called again and again, in the thread that waits, with how many computations come before its own. What it raises ends the wait."""


def nobody_asks(before: int) -> None:
    """The `WhileWaiting` of who waits in any case."""


class _Spent(threading.local):
    """Seconds of processor time that this thread had others spend."""

    elsewhere = 0.0


_spent: Final = _Spent()


def processor_seconds() -> float:
    """Processor time that this thread has taken, and had taken elsewhere, since some moment."""
    return time.thread_time() + _spent.elsewhere


def acquire(lock: threading.Lock, while_waiting: WhileWaiting) -> None:
    """Acquire `lock`, or raise what `while_waiting` raises meanwhile."""
    if lock.acquire(blocking=False):
        return
    with TURNS.away():
        while not lock.acquire(timeout=LOOK_S):
            while_waiting(0)


@dataclass(order=True)
class _Ticket:
    number: int
    heavy: bool = field(compare=False)
    called: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(eq=False)
class _Running:
    heavy: bool
    start: float
    """By the clock, in seconds."""

    @property
    def proved_heavy(self) -> bool:
        """Whether it counts as heavy: known to be, or found to be."""
        return self.heavy or time.monotonic() - self.start >= HEAVY_S


class ComputeQueue:
    """Work by name and visitor. What it will take is told by what it took: for this visitor the last time, else for most of late.

    Light work that proves heavy counts as heavy until it is done, so a wrong guess delays other heavy work, not the light.
    `elsewhere`: where heavy work is done; None for here, one at a time.
    """

    def __init__(self) -> None:
        self.elsewhere: Elsewhere | None = None
        self._lock = threading.Lock()
        self._next = 0
        self._waiting: list[_Ticket] = []  # by number
        self._running: set[_Running] = set()
        self._places_kept: OrderedDict[str, int] = OrderedDict()
        self._own: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._of_late: OrderedDict[str, deque[float]] = OrderedDict()

    def run(self, name: str, work: Callable[[], T], visitor: str = "", while_waiting: WhileWaiting = nobody_asks) -> T:
        """What `work` returns. Raises what it raises, and what `while_waiting` raises before it begins.

        `name`: of what is alike in what it takes. `visitor`: who moves on while waiting keeps the place in the queue.
        What fails tells nothing about what the next will take.
        """
        heavy = self.is_heavy(name, visitor)
        with TURNS.away():
            try:
                return self._run(heavy, name, work, visitor, while_waiting)
            except cost.HeavyError:  # before it was begun
                return self._run(True, name, work, visitor, while_waiting)

    def _run(self, heavy: bool, name: str, work: Callable[[], T], visitor: str, while_waiting: WhileWaiting) -> T:
        running = self._enter(heavy, visitor, while_waiting)
        start, seconds = processor_seconds(), None
        try:
            made = self._made(work, heavy)
            seconds = processor_seconds() - start
            return made
        finally:
            with self._lock:
                self._running.discard(running)
                if seconds is not None:
                    self._remember(name, visitor, seconds)
                self._call_next()

    def _made(self, work: Callable[[], T], heavy: bool) -> T:
        if self.elsewhere is None:
            return work()
        if not heavy:
            with cost.at_most(LIGHT_SHARE):
                return work()
        made, seconds = self.elsewhere.run(work)
        _spent.elsewhere += seconds
        return made

    def is_heavy(self, name: str, visitor: str = "") -> bool:
        """Whether the next computation of `name` for `visitor` is expected to be heavy; so is what nobody has tried."""
        with self._lock:
            return self._expected(name, visitor) >= HEAVY_S

    def _enter(self, heavy: bool, visitor: str, while_waiting: WhileWaiting) -> _Running:
        with self._lock:
            ticket = _Ticket(self._places_kept.pop(visitor, self._next), heavy)
            self._next = max(self._next, ticket.number) + 1
            bisect.insort(self._waiting, ticket)
        try:
            while (running := self._begin(ticket)) is None:
                if not ticket.called.wait(LOOK_S):
                    while_waiting(self._before(ticket))
                ticket.called.clear()
        except BaseException:
            with self._lock:
                self._waiting.remove(ticket)
                if visitor:
                    self._places_kept[visitor] = ticket.number
                    if len(self._places_kept) > REMEMBERED_NAMES:
                        self._places_kept.popitem(last=False)
                self._call_next()
            raise
        return running

    def _begin(self, ticket: _Ticket) -> _Running | None:
        """Take the ticket out of the queue, if it is its turn."""
        with self._lock:
            if ticket is not self._first(ticket.heavy) or not self._room(ticket.heavy):
                return None
            self._waiting.remove(ticket)
            running = _Running(ticket.heavy, time.monotonic())
            self._running.add(running)
            self._call_next()
            return running

    def _before(self, ticket: _Ticket) -> int:
        with self._lock:
            waiting = sum(other.heavy == ticket.heavy for other in self._waiting if other < ticket)
            return waiting + sum(running.proved_heavy == ticket.heavy for running in self._running)

    def _first(self, heavy: bool) -> _Ticket | None:
        return next((ticket for ticket in self._waiting if ticket.heavy == heavy), None)

    def _room(self, heavy: bool) -> bool:
        if heavy and self.elsewhere is not None:
            return sum(running.heavy for running in self._running) < self.elsewhere.count
        proved = sum(running.proved_heavy for running in self._running)
        return proved == 0 if heavy else len(self._running) - proved < LIGHT_AT_ONCE

    def _call_next(self) -> None:
        for heavy in (False, True):
            first = self._first(heavy)
            if first is not None and self._room(heavy):
                first.called.set()

    def _expected(self, name: str, visitor: str) -> float:
        own = self._own.get((name, visitor)) if visitor else None
        if own is not None:
            return own
        return statistics.median_high(self._of_late[name]) if name in self._of_late else HEAVY_S

    def _remember(self, name: str, visitor: str, seconds: float) -> None:
        self._of_late.setdefault(name, deque(maxlen=REMEMBERED_RUNS)).append(seconds)
        self._of_late.move_to_end(name)
        if len(self._of_late) > REMEMBERED_NAMES:
            self._of_late.popitem(last=False)
        if visitor:
            self._own[name, visitor] = seconds
            self._own.move_to_end((name, visitor))
            if len(self._own) > 4 * REMEMBERED_NAMES:
                self._own.popitem(last=False)
