"""Long computations one at a time, short ones at once, nobody waiting who has left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bnviz.ui import turns
from bnviz.ui.turns import Turns

PATIENCE_S = 30


def stay() -> None:
    """Somebody waits."""


class Busy:
    """Work that lasts until it is told to end."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.end.wait(PATIENCE_S)
        return "done"


def test_long_work_is_done_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONG_S", 0.0)
    line, running, most = Turns(), [], []

    def work() -> None:
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.pop()

    with ThreadPoolExecutor(6) as visitors:
        for done in [visitors.submit(line.take, "long", work, stay) for _ in range(6)]:
            done.result(PATIENCE_S)
    assert most == [1] * 6


def test_short_work_does_not_wait_for_long_work() -> None:
    line, busy = Turns(), Busy()
    assert line.take("short", lambda: 1, stay) == 1  # now it is known to be short
    with ThreadPoolExecutor(1) as visitor:
        long = visitor.submit(line.take, "new", busy, stay)
        assert busy.begun.wait(PATIENCE_S)
        assert line.take("short", lambda: 2, stay) == 2
        busy.end.set()
        assert long.result(PATIENCE_S) == "done"


def test_who_leaves_the_line_is_gone_and_the_turn_comes_back() -> None:
    line, busy = Turns(), Busy()

    def left() -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as visitor:
        long = visitor.submit(line.take, "new", busy, stay)
        assert busy.begun.wait(PATIENCE_S)
        with pytest.raises(InterruptedError):
            line.take("another", lambda: pytest.fail("its turn has not come"), left)
        busy.end.set()
        assert long.result(PATIENCE_S) == "done"
    with pytest.raises(ZeroDivisionError):
        line.take("another", lambda: 1 // 0, stay)
    assert line.take("one more", lambda: 3, stay) == 3
