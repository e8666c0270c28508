"""What a worker says of a run, and when: with a clock that goes as fast as the work."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from bnviz import work
from bnviz.jobs import worker
from bnviz.jobs.worker import Order, Stopped, Worked
from tests.jobs.slow import Settings


class Clock:
    """Seconds that go by with the work that is done."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(worker, "time", clock)
    return clock


class Sent:
    """Updates with the time at which they came."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.at: list[float] = []
        self.updates: list[Any] = []

    def put(self, update: tuple[int, Any]) -> None:
        assert update[0] == 7
        self.at.append(self.clock.now)
        self.updates.append(update[1])


class Wanted:
    """Orders by the time from which they hold."""

    def __init__(self, clock: Clock, orders: dict[float, Order]) -> None:
        self.clock, self.orders = clock, orders
        self.looks = 0

    def get(self, job: int) -> Order | None:
        self.looks += 1
        return next((order for since, order in reversed(self.orders.items()) if self.clock.now >= since), None)


def working(clock: Clock, pieces: int, seconds: float, partial_every: int = 0) -> Callable[..., str]:
    def run(settings: Settings, on_update: Callable[[object], None]) -> str:
        for piece in range(1, pieces + 1):
            clock.now += seconds
            work.done(seconds)
            if partial_every and piece % partial_every == 0:
                on_update(piece)
        return "whole"

    return run


@pytest.mark.parametrize("seconds", [0.0001, 0.01, 0.19, 0.4])
def test_a_run_without_partial_results_is_heard_of_within_half_a_second(clock: Clock, seconds: float) -> None:
    sent, wanted = Sent(clock), Wanted(clock, {})
    pieces = round(4 / seconds)
    assert worker.execute(7, working(clock, pieces, seconds), Settings(), sent, wanted) == "whole"
    assert max(end - start for start, end in itertools.pairwise([100.0, *sent.at, clock.now])) <= 0.5
    assert len(sent.at) <= 21
    assert wanted.looks <= 201
    assert [update.seconds for update in sent.updates] == pytest.approx([at - 100 for at in sent.at])
    assert not work.heard()


def test_between_partial_results_it_is_heard_of_too(clock: Clock) -> None:
    sent = Sent(clock)
    worker.execute(7, working(clock, 100, 0.05, 50), Settings(), sent, Wanted(clock, {}))
    assert [update for update in sent.updates if not isinstance(update, Worked)] == [50, 100]
    assert max(end - start for start, end in itertools.pairwise(sent.at)) <= 0.5


def test_stop_and_pause_reach_a_run_that_gives_no_partial_result(clock: Clock) -> None:
    wanted = Wanted(clock, {101.0: "pause", 110.0: "stop"})
    with pytest.raises(Stopped):
        worker.execute(7, working(clock, 1000, 0.1), Settings(), Sent(clock), wanted)
    assert clock.now == pytest.approx(110, abs=0.11)
    assert not work.heard()
