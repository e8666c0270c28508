"""Memory that is free goes back to the system, while the server runs."""

from __future__ import annotations

import platform
import threading

import anyio
import psutil
import pytest

from bnviz.ui.runs import RUNS
from bnviz.ui.server import memory, warm_up

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
BLOCK, COUNT = 100_000, 1000
"""Below 128 kB, so that they lie beside each other (mallopt(3), M_MMAP_THRESHOLD), and together enough to be seen."""


@needs_glibc
def test_holes_between_what_is_kept_are_given_back() -> None:
    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    memory.give_back()
    blocks = [bytearray(b"x" * BLOCK) for _ in range(COUNT)]
    kept = blocks[::10]
    del blocks
    held = resident()
    memory.give_back()
    assert held - resident() > BLOCK * COUNT / 2
    assert len(kept) == COUNT / 10


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
