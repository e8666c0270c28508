"""Memory that is free goes back to the system, in the server and in its processes."""

from __future__ import annotations

import platform
from typing import Final

import psutil
import pytest

from bnviz.jobs.memory import give_back
from bnviz.jobs.processes import OneWorker
from tests.waiting import wait

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
BLOCK, COUNT = 100_000, 1000
"""Below 128 kB, so that they lie beside each other (mallopt(3), M_MMAP_THRESHOLD), and together enough to be seen."""
kept: Final[list[bytearray]] = []


def resident(pid: int | None = None) -> int:
    """Bytes that the process, by default this one, has in memory."""
    return int(psutil.Process(pid).memory_info().rss)


def leave_holes() -> int:
    """Keep a tenth of many blocks; returns what the process has then."""
    blocks = [bytearray(b"x" * BLOCK) for _ in range(COUNT)]
    kept[:] = blocks[::10]
    del blocks
    return resident()


def test_holes_between_what_is_kept_are_given_back() -> None:
    give_back()
    held = leave_holes()
    give_back()
    assert held - resident() > BLOCK * COUNT / 2
    kept.clear()


def test_a_process_that_has_nothing_to_do_gives_back() -> None:
    process = OneWorker()
    held: int = process.submit(leave_holes).result()
    wait(lambda: held - resident(process.pid) > BLOCK * COUNT / 2)
    process.kill()
    process.shutdown()
