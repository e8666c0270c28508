"""What a long run costs everybody else: thirty who watch it, and thirty who move sliders meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import psutil
import websockets

from benchmarks import load
from benchmarks.report import Bound, Row, milliseconds, number, percentile, ratio
from benchmarks.servers import Server, with_a_long_run
from benchmarks.sessions import Session, drive, visitors

PAGE: Final = "busy"
CORE: Final = Bound(20, "%")
FLUENT: Final = Bound(5, "/s", at_least=True)
UNDISTURBED: Final = Bound(2)
BEGIN_S: Final = 3.0
TURNS: Final = 3


@dataclass
class Seen:
    """What one viewer received."""

    pictures: int = 0
    bytes: int = 0


def live_rows(quick: bool = False) -> list[Row]:
    """Thirty viewers of one run; then `layer`'s slider without and with a run beside it."""
    seconds = 8 if quick else 20
    with with_a_long_run() as server:
        share, seen = asyncio.run(_watched(server, seconds))
        still, beside = asyncio.run(_sliders(server, 8 if quick else 24))
    pictures = min(one.pictures for one in seen) / seconds
    size = sum(one.bytes for one in seen) / max(1, sum(one.pictures for one in seen))
    slow, slow_beside = (percentile(moves, 0.95) for moves in (still, beside))
    return [
        Row(
            f"{load.CLASS} viewers of one run: the server's share of one core",
            100 * share,
            CORE,
            "%",
            f"three charts of six variants, {number(size / 1024)} KB a picture",
        ),
        Row(f"{load.CLASS} viewers of one run: pictures for the slowest", pictures, FLUENT, "/s"),
        Row(
            f"{load.CLASS} sessions moving a slider every {load.EVERY_S:.0f} s: p95 beside a run against p95 without",
            ratio(slow_beside, slow),
            UNDISTURBED,
            detail=f"{milliseconds(slow_beside)} against {milliseconds(slow)}",
        ),
    ]


@asynccontextmanager
async def _running(server: Server, count: int) -> AsyncIterator[list[Seen]]:
    """A run that `count` visitors watch, as fast browsers do; without the first the others would have nothing to join."""
    async with visitors(server.url, PAGE, lambda _: "predict=0", 1) as first:
        if not first[0].live:  # the run of the turn before may still wait for a viewer to return
            await first[0].press("Run")
        async with visitors(server.url, PAGE, lambda _: "predict=0", count - 1) as others:
            seen = [Seen() for _ in range(count)]
            looking = [
                asyncio.create_task(_look(server, session, one))
                for session, one in zip([*first, *others], seen, strict=True)
            ]
            await asyncio.sleep(BEGIN_S)
            yield seen
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)


async def _look(server: Server, session: Session, seen: Seen) -> None:
    address = server.url.replace("http", "ws", 1) + session.live
    origin = websockets.Origin(server.url)
    async with websockets.connect(address, max_size=None, compression=None, origin=origin) as socket:
        await socket.send(session.owner)
        async for text in socket:
            if '"charts":[]' not in text[-16:]:
                seen.pictures += 1
                seen.bytes += len(text)
            with suppress(websockets.ConnectionClosed):
                await socket.send("seen")


async def _watched(server: Server, seconds: float) -> tuple[float, list[Seen]]:
    process = psutil.Process(server.pid)
    async with _running(server, load.CLASS) as seen:
        before, start = [(one.pictures, one.bytes) for one in seen], time.perf_counter()
        used = _processor_seconds(process)
        await asyncio.sleep(seconds)
        share = (_processor_seconds(process) - used) / (time.perf_counter() - start)
        grown = zip(seen, before, strict=True)
        return share, [Seen(one.pictures - pictures, one.bytes - size) for one, (pictures, size) in grown]


async def _sliders(server: Server, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of every move without and beside a run, in turns: a machine has better and worse moments."""
    still: list[float] = []
    beside: list[float] = []
    async with visitors(server.url, load.PAGE, lambda _: "predict=0", load.CLASS) as sessions:
        await _see_everything(sessions[:1])
        for _ in range(TURNS):
            still += (await drive(sessions, load.LABEL, load.OPTIONS, load.EVERY_S, seconds / TURNS)).seconds
            async with _running(server, 1):
                beside += (await drive(sessions, load.LABEL, load.OPTIONS, load.EVERY_S, seconds / TURNS)).seconds
    return still, beside


async def _see_everything(sessions: Sequence[Session]) -> None:
    for session in sessions:
        for option in load.OPTIONS:
            await session.move(load.LABEL, option)


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
