"""What a server has ready when visitors come, and what is left of it when it ends."""

from __future__ import annotations

import asyncio
import threading

import psutil
import pytest

from bnviz.jobs.compute_processes import ComputeProcesses
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import InstantTopic, LiveTopic
from bnviz.ui import cache
from bnviz.ui.server import warm_up
from bnviz.ui.server.warm_up import warming

FOLDING = next(topic for topic in TOPICS if topic.id == "folding")


@pytest.mark.usefixtures("only_this_process")
def test_what_is_heavy_is_computed_beside_the_server_as_long_as_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(FOLDING, InstantTopic)
    children: set[int] = set()

    async def serve() -> None:
        async with warming(lambda: [FOLDING])(None):
            async with asyncio.timeout(120):
                while cache._queue.elsewhere is None:
                    await asyncio.sleep(0.05)
            beside = cache._queue.elsewhere
            monkeypatch.setattr(beside, "run", lambda call: (("beside", call), 1.0))
            monkeypatch.setattr(cache._queue, "_expected", lambda name, visitor: 1.0)
            settings = FOLDING.opening.model_copy(update={"seed": 7})
            assert cache.result(FOLDING, settings, None)[0] == "beside"
            children.update(process._process.pid for process in beside._all)  # type: ignore[attr-defined]

    asyncio.run(serve())
    assert children
    assert cache._queue.elsewhere is None
    psutil.wait_procs([psutil.Process(pid) for pid in children if psutil.pid_exists(pid)], timeout=30)
    assert not any(psutil.pid_exists(pid) for pid in children)


@pytest.mark.usefixtures("only_this_process")
def test_nothing_of_the_warm_up_begins_when_the_server_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def start(processes: ComputeProcesses) -> None:
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(ComputeProcesses, "start", start)
    monkeypatch.setattr(warm_up, "search", lambda text: pytest.fail("it begins"))
    run = warm_up._WarmUp.run
    monkeypatch.setattr(warm_up._WarmUp, "run", lambda self: over.set() if run(self) is None else None)

    async def serve() -> None:
        async with warming(lambda: [FOLDING])(None):
            assert await asyncio.to_thread(begun.wait, 60)

    asyncio.run(serve())
    go_on.set()
    assert over.wait(60)
    assert cache._queue.elsewhere is None


@pytest.mark.usefixtures("only_this_process")
def test_what_fails_of_the_warm_up_keeps_nothing_else_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    searched = threading.Event()

    class Broken:
        @property
        def pool(self) -> None:
            raise OSError("no more processes")

        def close(self) -> None:
            """Nothing."""

    monkeypatch.setattr(ComputeProcesses, "start", lambda self: None)
    monkeypatch.setattr(warm_up, "ENDING_S", 0.0)
    monkeypatch.setattr(warm_up, "RUNS", Broken())
    monkeypatch.setattr(warm_up, "search", lambda text: searched.set())

    async def serve() -> None:
        async with warming(lambda: [FOLDING, next(topic for topic in TOPICS if isinstance(topic, LiveTopic))])(None):
            assert await asyncio.to_thread(searched.wait, 60)

    asyncio.run(serve())
    assert "no more processes" in caplog.text
