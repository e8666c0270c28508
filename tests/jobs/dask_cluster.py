"""A Dask cluster on loopback: a scheduler and workers as an administrator starts them, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


@dataclass
class DaskCluster:
    """Processes of one cluster. `file`: where the scheduler says how it is reached."""

    file: Path
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What `BNVIZ_SCHEDULER` says."""
        address: str = json.loads(self.file.read_text())["address"]
        return address

    def hire(self) -> None:
        """Start one more worker, which a nanny starts anew when it dies."""
        options = ["--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
        self.workers.append(start("dask_worker", *options, "--local-directory", str(self.file.parent)))


def start(command: str, *options: str) -> subprocess.Popen[bytes]:
    """`dask scheduler` or `dask worker`, which finds the modules of the tests."""
    told = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{command}", *options], cwd=ROOT, env=told, stderr=subprocess.DEVNULL
    )


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[DaskCluster]:
    """A scheduler that listens, and `workers` that come soon."""
    file = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    cluster = DaskCluster(file, start("dask_scheduler", *options))
    try:
        for _ in range(workers):
            cluster.hire()
        end = time.monotonic() + START_SECONDS
        while not file.exists():
            assert time.monotonic() < end, "the scheduler does not start"
            time.sleep(0.05)
        yield cluster
    finally:
        running = [process for process in (*cluster.workers, cluster.scheduler) if process.poll() is None]
        started = [psutil.Process(process.pid) for process in running]
        for process in [child for one in started for child in one.children(recursive=True)] + started:
            process.kill()
        for ended in (*cluster.workers, cluster.scheduler):
            ended.wait()
