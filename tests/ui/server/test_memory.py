"""Memory that is free goes back to the system, as long as the server runs."""

from __future__ import annotations

import gc
import threading

import anyio
import pytest

from bnviz.ui.runs import RUNS
from bnviz.ui.server import memory, warm_up


@pytest.mark.usefixtures("only_this_process")
def test_a_server_gives_back_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given, before = threading.Semaphore(0), gc.get_threshold()
    monkeypatch.setattr(memory, "EVERY_S", 0.01)
    monkeypatch.setattr(memory, "give_back", given.release)
    monkeypatch.setattr(RUNS, "close", lambda: None)

    rare = list[int]()

    async def run() -> None:
        async with warm_up.warming(lambda: ())(None):
            for _ in range(3):
                while not given.acquire(blocking=False):
                    await anyio.sleep(0.01)
            rare.append(gc.get_threshold()[2])

    anyio.run(run)
    assert rare[0] > 10 * before[2]  # Python's own collections of everything, which keep everybody waiting
    assert gc.get_threshold() == before
