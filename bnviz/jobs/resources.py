"""How many workers there may be, and how much memory each: what the machine has, or the container's share of it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MIB: Final = 2**20
SERVER_BYTES: Final = 1024 * MIB
"""What the server takes with a class in it."""
IDLE_BYTES: Final = 160 * MIB
"""What a worker takes before its first run; 127 MiB measured."""
MIN_RUN_BYTES: Final = 512 * MIB
"""Below this many bytes for a run there are fewer workers instead."""
MAX_RUN_BYTES: Final = 2048 * MIB
MAX_WORKERS: Final = 32
MAX_COMPUTING: Final = 4
COMPUTE_BYTES: Final = MIN_RUN_BYTES
"""What one computation for a page may take: the dearest that is let in takes two fifths, and as much stays of earlier ones."""
UNKNOWN_BYTES: Final = 4096 * MIB
"""The memory of a machine that does not tell it."""

SYSTEM: Final = Path("/")


def worker_count(root: Path = SYSTEM) -> int:
    """One worker for each processor that this process may use, as far as memory allows beside those that compute for pages.

    `BNVIZ_WORKERS` overrides it.

    `root`: the folder that holds `proc` and `sys`.
    """
    if chosen := configured_workers():
        return chosen
    return max(1, min(processors(root), _fitting(root) - compute_count(root), MAX_WORKERS))


def compute_count(root: Path = SYSTEM) -> int:
    """Processes for what pages ask for and is heavy: one for each processor besides the server's own, a third of all that fit.

    No more than the workers that `BNVIZ_WORKERS` wants.
    """
    return max(1, min(processors(root) - 1, _fitting(root) // 3, configured_workers() or MAX_COMPUTING, MAX_COMPUTING))


def _fitting(root: Path) -> int:
    """How many processes there is memory for, each with the least that a run may have."""
    return (memory_bytes(root) - SERVER_BYTES) // (IDLE_BYTES + MIN_RUN_BYTES)


def configured_workers() -> int | None:
    """What `BNVIZ_WORKERS` says, None where it says nothing."""
    chosen = os.environ.get("BNVIZ_WORKERS", "")
    return int(chosen) if chosen.isdecimal() and int(chosen) > 0 else None


def run_bytes(count: int, root: Path = SYSTEM) -> int:
    """What one run may take where `count` workers share what the server and the computations for pages leave, in bytes."""
    others = SERVER_BYTES + compute_count(root) * (IDLE_BYTES + COMPUTE_BYTES)
    share = (memory_bytes(root) - others) // count - IDLE_BYTES
    return min(MAX_RUN_BYTES, max(MIN_RUN_BYTES, share))


def processors(root: Path = SYSTEM) -> int:
    """Processors that this process may use: what it is pinned to, and the quota of its control groups."""
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(pinned, *(math.ceil(quota) for quota in _processor_quotas(root)), pinned))


def memory_bytes(root: Path = SYSTEM) -> int:
    """Bytes that this process and its children may take: the machine's, or the limit of their control groups."""
    limits = [int(text) for text in _texts(root, "memory", "memory.max", "memory.limit_in_bytes") if text.isdecimal()]
    return min([_installed(root), *limits])


def _installed(root: Path) -> int:
    found = re.search(r"MemTotal:\s+(\d+) kB", _read(root / "proc/meminfo"))
    return int(found[1]) * 1024 if found else UNKNOWN_BYTES


def _processor_quotas(root: Path) -> Iterator[float]:
    """Quotas in processors, of version 2 (`cpu.max`: microseconds, period) and of version 1, a file for each."""
    for text in _texts(root, "cpu", "cpu.max"):
        quota, _, period = text.partition(" ")
        if quota.isdecimal() and period.isdecimal():
            yield int(quota) / int(period)
    quotas = _texts(root, "cpu", "cpu.cfs_quota_us")
    periods = _texts(root, "cpu", "cpu.cfs_period_us")
    for quota, period in zip(quotas, periods, strict=False):
        if quota.isdecimal() and period.isdecimal():  # −1: no quota
            yield int(quota) / int(period)


def _texts(root: Path, controller: str, *names: str) -> Iterator[str]:
    """What stands in the files `names` of the control groups of this process, from its own up to the root's."""
    for group in _groups(root, controller):
        for name in names:
            if text := _read(group / name):
                yield text


def _groups(root: Path, controller: str) -> Iterator[Path]:
    base = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = base / controller if controllers else base
        own = mount / path.lstrip("/")
        # A container sees its own group as the root, under a path that only the machine knows.
        for group in (own, *own.parents):
            if group.is_dir():
                yield group
            if group == mount:
                break


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
