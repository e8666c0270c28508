"""Whose script runs: one at a time, a part of a page before a whole one, and nobody waits for who takes long."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bnviz.ui import compute_queue, lab, your_model
from bnviz.ui import turns as module
from bnviz.ui.turns import Turns
from tests.pages.test_pages import open_page
from tests.waiting import wait

FOREVER = 1e5  # seconds


class Script:
    """A thread that has a turn until it is told to end."""

    def __init__(self, turns: Turns, order: list[str], name: str, *, whole: bool) -> None:
        self._turns, self._order, self._name, self._whole = turns, order, name, whole
        self.step = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._turns.take(whole=self._whole):
            self._order.append(self._name)
            self.step.wait()

    def end(self) -> None:
        self.step.set()
        self.thread.join()


def has_begun(order: list[str], count: int) -> bool:
    return len(order) == count


def is_waiting(turns: Turns, count: int) -> bool:
    return len(turns._waiting) == count


@pytest.mark.parametrize(
    ("patience", "expected"),
    [(FOREVER, ["now", "part", "second part", "page"]), (0, ["now", "page", "part", "second part"])],
)
def test_one_after_the_other_a_part_before_a_whole_page_that_has_not_waited_long(
    patience: float, expected: list[str]
) -> None:
    turns, order = Turns(FOREVER, patience), list[str]()
    now = Script(turns, order, "now", whole=True)
    wait(lambda: order == ["now"])
    scripts = {"now": now}
    for number, name in enumerate(("page", "part", "second part"), start=1):
        scripts[name] = Script(turns, order, name, whole=name == "page")
        wait(functools.partial(is_waiting, turns, number))
    for number, name in enumerate(expected, start=1):
        assert order == expected[:number]
        scripts[name].end()
        wait(functools.partial(has_begun, order, min(number + 1, len(expected))))


def test_who_takes_long_goes_on_beside_the_next() -> None:
    turns, order = Turns(0.01), list[str]()
    slow = Script(turns, order, "slow", whole=False)
    wait(lambda: order == ["slow"])
    next_one = Script(turns, order, "next", whole=True)
    wait(lambda: order == ["slow", "next"])
    slow.end()  # whose turn is over already
    assert turns._now is not None
    next_one.end()
    assert turns._now is None


def test_who_waits_for_something_lets_others_in_and_waits_again() -> None:
    turns, order = Turns(FOREVER), list[str]()
    with turns.away():
        assert turns._now is None  # nothing to give
    with turns.take(whole=False):
        with turns.take(whole=True):  # is in it already
            pass
        other = Script(turns, order, "other", whole=True)
        wait(lambda: is_waiting(turns, 1))
        with turns.away():
            wait(lambda: order == ["other"])
            other.end()
        assert turns._now is not None
    assert turns._now is None


def test_what_fails_gives_its_turn_away() -> None:
    turns = Turns(FOREVER)
    with pytest.raises(KeyboardInterrupt), turns.take(whole=False):
        raise KeyboardInterrupt
    with turns.take(whole=False):
        pass


def test_pages_and_their_parts_take_turns_and_give_them_away_while_they_compute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = list[str]()

    class Told(Turns):
        @contextmanager
        def take(self, *, whole: bool) -> Iterator[None]:
            told.append("page" if whole else "part")
            with super().take(whole=whole):
                yield

        @contextmanager
        def away(self) -> Iterator[None]:
            told.append("away")
            with super().away():
                yield

    turns = Told()
    for user in (module, lab, your_model, compute_queue):
        monkeypatch.setattr(user, "TURNS", turns)
    assert not open_page("layer", predict="0", seed="1234567").exception  # which nobody has asked for
    assert told[:3] == ["page", "part", "away"]
    told.clear()
    assert not open_page("your_model").exception
    assert told[:2] == ["page", "part"]
    assert turns._now is None
