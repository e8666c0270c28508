"""How many students one server process serves: `python -m benchmarks.plan [--servers N] [--seconds S]`.

More and more sessions move a slider of `layer` every two seconds, each on data of its own, until the p95 of their waiting passes 200 ms.
With two servers the sessions are shared out between them; what is gained is printed. The visitors run beside the servers: on a machine
with few processors they take their share, and two servers cannot show twice the sessions.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

from benchmarks.load import EVERY_S, LABEL, OPTIONS, PAGE
from benchmarks.report import Bound, Row, milliseconds, percentile, ratio, table
from benchmarks.servers import Server, the_command
from benchmarks.sessions import drive, visitors

PROMISE_S: Final = 0.2
FIRST: Final = 10
GROWTH: Final = 1.4
MOST: Final = 400
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


def most(count: int, seconds: float) -> tuple[int, float]:
    """(the most sessions that `count` servers take at the promise, their p95 in seconds); 0 where the first are too many."""
    with ExitStack() as started:
        folders = [Path(started.enter_context(tempfile.TemporaryDirectory())) for _ in range(count)]
        servers = [started.enter_context(the_command(folder)) for folder in folders]
        sessions, kept = FIRST, (0, float("nan"))
        while sessions <= MOST:
            waited = asyncio.run(p95(servers, sessions, seconds))
            print(f"{count} servers, {sessions} sessions: p95 {milliseconds(waited)}", file=sys.stderr, flush=True)
            if waited > PROMISE_S:
                break
            kept = sessions, waited
            sessions = round(sessions * GROWTH)
        return kept


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=2, help="compared with one (2)")
    parser.add_argument("--seconds", type=float, default=20, help="of each step (20)")
    options = parser.parse_args(arguments)
    one, waited = most(1, options.seconds)
    promise = milliseconds(PROMISE_S)
    rows = [
        Row(f"one process: sessions at p95 ≤ {promise}", one, unit="sessions", detail=f"p95 {milliseconds(waited)}"),
        Row(f"one process: moves per second at p95 ≤ {promise}", one / EVERY_S, unit="/s"),
    ]
    if options.servers > 1:
        several, waited = most(options.servers, options.seconds)
        enough = TWICE if options.servers == 2 and (os.cpu_count() or 1) > 2 else None
        what = f"{options.servers} processes: sessions at p95 ≤ {promise}, against one"
        rows.append(Row(what, ratio(several, one), enough, detail=f"{several} sessions, p95 {milliseconds(waited)}"))
    print(table(rows, f"a move every {EVERY_S:.0f} s, each on data of its own"))
    return int(not all(row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
