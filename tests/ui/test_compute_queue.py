"""Heavy computations one at a time and in order, light ones at once, nobody waiting who has left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from bnviz.errors import CostError
from bnviz.study.cost import check_cost
from bnviz.ui import compute_queue
from bnviz.ui.compute_queue import LIGHT_SHARE, ComputeQueue, acquire

PATIENCE_S = 30
T = TypeVar("T")


class Busy:
    """Work that lasts until it is told to end."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.end.wait(PATIENCE_S)
        return "done"


class Visitor:
    """Somebody who waits, and is known to wait."""

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.places: list[int] = []
        self.leaves = False

    def __call__(self, before: int) -> None:
        self.places.append(before)
        self.waits.set()
        if self.leaves:
            raise InterruptedError


@pytest.fixture
def queue() -> ComputeQueue:
    return ComputeQueue()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(24) as executor:
        yield executor


def line_up(
    queue: ComputeQueue, threads: ThreadPoolExecutor, name: str, work: Callable[[], str], visitor: str = ""
) -> tuple[Future[str], Visitor]:
    """Have a visitor ask for `work`, and wait until they are known to wait."""
    who = Visitor()
    future = threads.submit(queue.run, name, work, visitor, who)
    assert who.waits.wait(PATIENCE_S)
    return future, who


def occupy(queue: ComputeQueue, threads: ThreadPoolExecutor, name: str = "heavy") -> tuple[Busy, Future[str]]:
    busy = Busy()
    future = threads.submit(queue.run, name, busy)
    assert busy.begun.wait(PATIENCE_S)
    return busy, future


def test_heavy_work_is_done_one_at_a_time_first_come_first_served(
    queue: ComputeQueue, threads: ThreadPoolExecutor
) -> None:
    busy, first = occupy(queue, threads)
    order: list[int] = []
    running: list[int] = []

    def work(number: int) -> Callable[[], str]:
        def run() -> str:
            running.append(number)
            assert running == [number]
            threading.Event().wait(0.005)
            order.append(number)
            running.remove(number)
            return "done"

        return run

    waiting = [line_up(queue, threads, f"lab {number}", work(number), f"visitor {number}") for number in range(16)]
    assert [who.places[-1] for _, who in waiting] == list(range(1, 17))
    busy.end.set()
    assert first.result(PATIENCE_S) == "done"
    for future, _ in waiting:
        assert future.result(PATIENCE_S) == "done"
    assert order == list(range(16))


def test_light_work_does_not_wait_for_heavy_work(queue: ComputeQueue, threads: ThreadPoolExecutor) -> None:
    assert queue.is_heavy("light")
    assert queue.run("light", lambda: 1) == 1
    assert not queue.is_heavy("light")  # now it is known
    busy, heavy = occupy(queue, threads)
    line_up(queue, threads, "another", lambda: "done")
    assert queue.run("light", lambda: 2, while_waiting=lambda before: pytest.fail("it waits")) == 2
    busy.end.set()
    assert heavy.result(PATIENCE_S) == "done"


def spin() -> str:
    """Take more processor time than light work may."""
    start = compute_queue.time.thread_time()
    while compute_queue.time.thread_time() - start < 1.2 * compute_queue.HEAVY_S:
        sum(range(1000))
    return "done"


def test_one_who_asks_for_heavy_settings_does_not_make_a_lab_heavy_for_the_others(queue: ComputeQueue) -> None:
    for visitor in ("ada", "bob", "eve"):
        queue.run("lab", lambda: "done", visitor)
    queue.run("lab", spin, "mallory")
    assert queue.is_heavy("lab", "mallory")
    assert not queue.is_heavy("lab", "ada")
    assert not queue.is_heavy("lab", "somebody new")
    queue.run("lab", lambda: "done", "mallory")
    assert not queue.is_heavy("lab", "mallory")


def test_light_work_that_proves_heavy_keeps_heavy_work_waiting_and_light_work_not(
    queue: ComputeQueue, threads: ThreadPoolExecutor
) -> None:
    queue.run("light", lambda: "done")
    busy = [occupy(queue, threads, "light") for _ in range(compute_queue.LIGHT_AT_ONCE)]  # none of them is light
    assert queue.run("light", lambda: 2) == 2  # once one of them has proved heavy
    waiting, who = line_up(queue, threads, "heavy", lambda: "done")
    while who.places[-1] < compute_queue.LIGHT_AT_ONCE:  # until all have
        who.waits.clear()
        assert who.waits.wait(PATIENCE_S)
    assert queue.run("light", lambda: 3) == 3
    for one, _ in busy[:-1]:
        one.end.set()
    for _, future in busy[:-1]:
        assert future.result(PATIENCE_S) == "done"
    who.waits.clear()
    assert who.waits.wait(PATIENCE_S)
    assert not waiting.done()
    busy[-1][0].end.set()
    assert waiting.result(PATIENCE_S) == "done"


def test_light_work_comes_a_few_at_once(
    queue: ComputeQueue, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.run("light", lambda: "done")
    monkeypatch.setattr(compute_queue, "HEAVY_S", 1e9)
    busy = [occupy(queue, threads, "light") for _ in range(compute_queue.LIGHT_AT_ONCE)]
    waiting, who = line_up(queue, threads, "light", lambda: "done")
    assert who.places[-1] == compute_queue.LIGHT_AT_ONCE
    busy[0][0].end.set()
    assert waiting.result(PATIENCE_S) == "done"
    for one, _ in busy:
        one.end.set()


def test_who_leaves_is_out_of_the_queue_and_the_turn_comes_back(
    queue: ComputeQueue, threads: ThreadPoolExecutor
) -> None:
    busy, heavy = occupy(queue, threads)
    gone, who = line_up(queue, threads, "another", lambda: pytest.fail("nobody wants it"))
    behind, other = line_up(queue, threads, "another", lambda: "done")
    assert other.places[-1] == 2
    who.leaves = True
    with pytest.raises(InterruptedError):
        gone.result(PATIENCE_S)
    other.waits.clear()
    assert other.waits.wait(PATIENCE_S)
    assert other.places[-1] == 1
    busy.end.set()
    assert [heavy.result(PATIENCE_S), behind.result(PATIENCE_S)] == ["done", "done"]
    with pytest.raises(ZeroDivisionError):
        queue.run("another", lambda: 1 // 0)
    assert queue.run("one more", lambda: 3) == 3


def test_who_moves_on_while_waiting_keeps_the_place(queue: ComputeQueue, threads: ThreadPoolExecutor) -> None:
    busy, _ = occupy(queue, threads)
    first, who = line_up(queue, threads, "lab", lambda: pytest.fail("moved on"), "ada")
    second, other = line_up(queue, threads, "lab", lambda: "done", "bob")
    who.leaves = True
    with pytest.raises(InterruptedError):
        first.result(PATIENCE_S)
    again, who = line_up(queue, threads, "lab", lambda: "done", "ada")
    assert who.places[-1] == 1
    other.waits.clear()
    assert other.waits.wait(PATIENCE_S)
    assert other.places[-1] == 2
    busy.end.set()
    assert [again.result(PATIENCE_S), second.result(PATIENCE_S)] == ["done", "done"]
    busy, _ = occupy(queue, threads, "another heavy")
    behind = [line_up(queue, threads, "another lab", lambda: "done", visitor) for visitor in ("bob", "ada")]
    assert [who.places[-1] for _, who in behind] == [1, 2]  # the place is used up
    busy.end.set()
    assert [future.result(PATIENCE_S) for future, _ in behind] == ["done", "done"]


def test_what_is_remembered_is_bounded(queue: ComputeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute_queue, "REMEMBERED_NAMES", 3)
    for number in range(40):
        queue.run(f"lab {number}", lambda: None, f"visitor {number}")
    heavy = [queue.is_heavy(f"lab {number}") for number in range(40)]
    assert heavy == [True] * 37 + [False] * 3  # what is forgotten counts as heavy again
    heavy = [queue.is_heavy(f"lab {number}", f"visitor {number}") for number in range(40)]
    assert heavy == [True] * 28 + [False] * 12


def test_a_lock_is_waited_for_only_as_long_as_it_is_wanted(threads: ThreadPoolExecutor) -> None:
    lock, who = threading.Lock(), Visitor()
    lock.acquire()
    waiting = threads.submit(acquire, lock, who)
    assert who.waits.wait(PATIENCE_S)
    who.leaves = True
    with pytest.raises(InterruptedError):
        waiting.result(PATIENCE_S)
    lock.release()
    acquire(lock, lambda before: pytest.fail("it is free"))


class Beside:
    """Where heavy work is done, for the tests: it tells what it was given, and how long that took."""

    count = 2

    def __init__(self) -> None:
        self.given: list[Callable[[], object]] = []

    def run(self, call: Callable[[], T]) -> tuple[T, float]:
        self.given.append(call)
        return call(), 3.0


def test_heavy_work_is_done_elsewhere_as_much_at_once_as_there_is_room(
    queue: ComputeQueue, threads: ThreadPoolExecutor
) -> None:
    queue.run("light", lambda: "done")
    queue.elsewhere = beside = Beside()
    (busy, first), (other, second) = occupy(queue, threads), occupy(queue, threads, "also heavy")
    assert beside.given == [busy, other]
    waiting, who = line_up(queue, threads, "a third", lambda: "done")
    assert who.places[-1] == 2
    assert queue.run("light", lambda: "done") == "done"
    assert len(beside.given) == 2
    busy.end.set()
    assert [first.result(PATIENCE_S), waiting.result(PATIENCE_S)] == ["done", "done"]
    other.end.set()
    assert second.result(PATIENCE_S) == "done"


def test_light_work_that_proves_heavy_does_not_keep_what_is_done_elsewhere_waiting(
    queue: ComputeQueue, threads: ThreadPoolExecutor
) -> None:
    queue.run("light", lambda: "done")
    queue.elsewhere = Beside()
    busy, future = occupy(queue, threads, "light")
    assert queue.run("heavy", lambda: "done") == "done"
    busy.end.set()
    assert future.result(PATIENCE_S) == "done"


@pytest.mark.parametrize(("share", "elsewhere"), [(0.8 * LIGHT_SHARE, 0), (1.2 * LIGHT_SHARE, 1)])
def test_light_work_that_says_beforehand_that_it_costs_much_is_done_elsewhere(
    queue: ComputeQueue, share: float, elsewhere: int
) -> None:
    def work() -> str:
        check_cost(share, 1.0, ("steps",))
        return "done"

    queue.run("lab", lambda: "done")
    queue.elsewhere = beside = Beside()
    assert queue.run("lab", work) == "done"
    assert len(beside.given) == elsewhere
    with pytest.raises(CostError):
        queue.run("lab", lambda: check_cost(2.0, 1.0, ("steps",)))


def test_where_there_is_no_elsewhere_light_work_may_cost_much(queue: ComputeQueue) -> None:
    queue.run("lab", lambda: "done")
    queue.run("lab", lambda: check_cost(1.0, 1.0, ("steps",)))


def test_what_was_done_elsewhere_counts_as_processor_time_of_who_asked(queue: ComputeQueue) -> None:
    queue.elsewhere = Beside()
    start = compute_queue.processor_seconds()
    queue.run("lab", lambda: "done", "ada")
    assert 3 <= compute_queue.processor_seconds() - start < 4
    assert queue.is_heavy("lab", "ada")


def test_what_fails_tells_nothing_of_what_the_next_will_take(queue: ComputeQueue) -> None:
    queue.run("lab", spin, "ada")
    with pytest.raises(ZeroDivisionError):
        queue.run("lab", lambda: str(1 // 0), "ada")
    assert queue.is_heavy("lab", "ada")
