"""What a server has ready when visitors come, and what is left of it when it ends."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import InstantTopic
from bnviz.ui import cache
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
