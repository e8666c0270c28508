"""Memory that is free goes back to the system, as long as the server runs."""

from __future__ import annotations

import threading

import anyio
import pytest

from bnviz.ui.runs import RUNS
from bnviz.ui.server import memory, warm_up


@pytest.mark.usefixtures("only_this_process")
def test_a_server_gives_back_as_long_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given = threading.Semaphore(0)
    monkeypatch.setattr(memory, "EVERY_S", 0.01)
    monkeypatch.setattr(memory, "give_back", given.release)
    monkeypatch.setattr(RUNS, "close", lambda: None)

    async def run() -> None:
        async with warm_up.warming(lambda: ())(None):
            for _ in range(3):
                while not given.acquire(blocking=False):
                    await anyio.sleep(0.01)

    anyio.run(run)
