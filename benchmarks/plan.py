"""How many students one server process serves: `python -m benchmarks.plan [--servers N] [--seconds S] [--share C]`.

More and more sessions move a slider of `layer` every two seconds, each on data of its own, until the p95 of their waiting passes 200 ms.
With two servers the sessions are shared out between them; what is gained is printed. The visitors run beside the servers: on a machine
with few processors they take their share, and two servers cannot show twice the sessions. There `--share 0.4` (Linux, as root) gives each
server so much of a processor and no more, by a control group, so that neither another server nor the visitors take it away; the promise
is as much longer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil

from benchmarks.load import EVERY_S, LABEL, OPTIONS, PAGE
from benchmarks.report import Bound, Row, milliseconds, percentile, ratio, table
from benchmarks.servers import Server, the_command
from benchmarks.sessions import drive, visitors

PROMISE_S: Final = 0.2
FIRST: Final = 8
GROWTH: Final = 1.4
FINENESS: Final = 12
"""The most sessions are found to a twelfth."""
MOST: Final = 400
GROUPS: Final = Path("/sys/fs/cgroup")
PERIOD_US: Final = 10_000
"""In so short a period a server that has used its share waits a few milliseconds, not the 60 ms of Linux' default."""
TWICE: Final = Bound(1.7, at_least=True)


async def p95(servers: list[Server], sessions: int, seconds: float) -> float:
    """What 19 of 20 moves take at most, in seconds, with so many sessions on all servers together."""
    taken: list[float] = []

    async def some(server: Server, number: int, first: int) -> None:
        async with AsyncExitStack() as open_:
            there = await open_.enter_async_context(
                visitors(server.url, PAGE, lambda index: f"predict=0&seed={first + index}", number)
            )
            taken.extend((await drive(there, LABEL, OPTIONS, EVERY_S, seconds)).seconds)

    shares = [sessions // len(servers) + (place < sessions % len(servers)) for place in range(len(servers))]
    await asyncio.gather(
        *(
            some(server, share, 100_000 * sessions + 1000 * place)
            for place, (server, share) in enumerate(zip(servers, shares, strict=True))
        )
    )
    return percentile(taken, 0.95)


@contextmanager
def limited(server: Server, share: float) -> Iterator[None]:
    """Let all threads of a server together have `share` of one processor and no more; its children from now on, too."""
    old = (GROUPS / "cpu").is_dir()
    group = (GROUPS / "cpu" if old else GROUPS) / f"bnviz-{server.pid}"
    group.mkdir()
    try:
        if old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(round(share * PERIOD_US)))
        else:
            (group / "cpu.max").write_text(f"{round(share * PERIOD_US)} {PERIOD_US}")
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            (group / "cgroup.procs").write_text(str(process.pid))
        yield
    finally:
        for process in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(process)
        group.rmdir()


def most(count: int, seconds: float, share: float) -> tuple[int, float]:
    """(the most sessions that `count` servers take at the promise, their p95 in seconds); 0 where the first are too many."""
    with ExitStack() as started:
        folders = [Path(started.enter_context(tempfile.TemporaryDirectory())) for _ in range(count)]
        servers = [started.enter_context(the_command(folder)) for folder in folders]
        for server in servers if share < 1 else ():
            started.enter_context(limited(server, share))
        asyncio.run(p95(servers, FIRST, seconds))  # what a server does for the first time takes longer
        kept, kept_p95, too_many = 0, float("nan"), MOST
        sessions = FIRST
        while too_many - kept > max(1, kept // FINENESS):
            waited = asyncio.run(p95(servers, sessions, seconds))
            print(f"{count} servers, {sessions} sessions: p95 {milliseconds(waited)}", file=sys.stderr, flush=True)
            if waited <= PROMISE_S / share:
                kept, kept_p95 = sessions, waited
            else:
                too_many = sessions
            sessions = min(round(max(FIRST, kept) * GROWTH), (kept + too_many) // 2)
        return kept, kept_p95


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=2, help="compared with one (2)")
    parser.add_argument("--seconds", type=float, default=20, help="of each step (20)")
    parser.add_argument(
        "--share", type=float, default=1, help="of a processor for each server (1: as much as there is)"
    )
    options = parser.parse_args(arguments)
    one, waited = most(1, options.seconds, options.share)
    process = "process" if options.share == 1 else f"process on {options.share:g} of a processor"
    promise = milliseconds(PROMISE_S / options.share)
    rows = [
        Row(f"one {process}: sessions at p95 ≤ {promise}", one, unit="sessions", detail=f"p95 {milliseconds(waited)}"),
        Row(f"one {process}: moves per second at p95 ≤ {promise}", one / EVERY_S, unit="/s"),
    ]
    if options.servers > 1:
        several, waited = most(options.servers, options.seconds, options.share)
        processors = os.cpu_count() or 1
        enough = TWICE if options.servers == 2 and processors > options.servers * options.share else None
        what = f"{options.servers} of them: sessions at p95 ≤ {promise}, against one"
        rows.append(Row(what, ratio(several, one), enough, detail=f"{several} sessions, p95 {milliseconds(waited)}"))
    print(table(rows, f"a move every {EVERY_S:.0f} s, each on data of its own"))
    return int(not all(row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
