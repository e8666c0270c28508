"""A class of thirty, each moving a slider every two seconds: how long they wait, and what each costs in memory."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from statistics import median
from typing import Final

import psutil

from benchmarks.report import Bound, Row, milliseconds, percentile, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import Load, Session, drive, visitors

CLASS: Final = 30
EVERY_S: Final = 2.0
ALONE_EVERY_S: Final = 0.4
WAITING: Final = Bound(4)
BESIDE: Final = Bound(2)
HEAVY: Final = (
    ("modes", "predict=0&lang=en&topic=gap", "Training steps"),
    ("modes", "predict=0&lang=en&topic=momentum_error", "Seeds"),
    ("recurrence", "predict=0&lang=en&topic=through_time", "Width"),
    ("noise", "predict=0&lang=en&topic=shift", "Width"),
)
NONE_LATE: Final = Bound(0, "moves")
PER_SESSION: Final = Bound(2, "MB")
PAGE: Final = "layer"
LABEL: Final = "Batch size"
OPTIONS: Final = ("2", "3", "4", "6", "8", "12", "16", "24", "32", "48", "64", "96", "128", "192", "256", "384", "512")
SETTLE_S: Final = 3.0  # until the sessions' last messages are out and garbage has had its chance


def measure(quick: bool) -> list[Row]:
    """The class on one link, as a teacher shares it: each stop of the slider is computed once, for all.

    Then, for information, everyone on another seed, where every move computes anew.
    """
    what = f"{CLASS} sessions moving a slider every {EVERY_S:.0f} s"
    seconds = 8 if quick else 24
    with ours() as server:
        alone, together = asyncio.run(_class(server, seconds, "predict=0"))
        beside = asyncio.run(_beside_heavy(server, seconds))
        alone_apart, apart = asyncio.run(_class(server, seconds, "predict=0&seed={seed}"))
    return [
        _waiting(f"{what} on one link", alone, together, WAITING),
        Row("the same: moves that came late", together.late, NONE_LATE, NONE_LATE.unit),
        Row(
            f"the same beside {len(HEAVY)} visitors who compute heavy settings without a pause: p95 against p95 without",
            ratio(percentile(beside.seconds, 0.95), percentile(together.seconds, 0.95)),
            BESIDE,
            detail=f"p95 {milliseconds(percentile(beside.seconds, 0.95))}, slowest {milliseconds(max(beside.seconds))}, {beside.late} late",
        ),
        _waiting(f"{what}, everyone on data of their own", alone_apart, apart, None),
    ]


def memory(quick: bool) -> list[Row]:
    """What the server grows by when thirty more visitors come, after two have already seen what they will see."""
    with ours() as server:
        growth = asyncio.run(_growth(server, psutil.Process(server.pid), 2 if quick else 6))
    return [
        Row(
            "memory per further session",
            growth / CLASS / 2**20,
            PER_SESSION,
            "MB",
            f"{CLASS} open sessions of `{PAGE}`",
        )
    ]


async def _class(server: Server, seconds: float, query: str) -> tuple[Load, Load]:
    """One session's moves, before and after the class, and those of the class.

    On one link, all stops are computed before; else each move computes anew.
    """

    def link(index: int) -> str:
        return query.format(seed=100 + index)

    async with visitors(server.url, PAGE, link, 1) as sessions:
        if link(0) == link(1):
            await _see_everything(sessions)
    before = await one_session(server, link(1))
    async with visitors(server.url, PAGE, lambda index: link(index + 2), CLASS) as sessions:
        together = await drive(sessions, LABEL, OPTIONS, EVERY_S, seconds)
    after = await one_session(server, link(CLASS + 2))
    return Load(before.seconds + after.seconds, before.late + after.late), together


async def _beside_heavy(server: Server, seconds: float) -> Load:
    """The class on one link, all stops computed before, while others never stop computing anew."""

    async def keep_computing(page: str, query: str, label: str, start: int) -> None:
        for seed in itertools.count(start):
            async with visitors(server.url, page, lambda _, seed=seed: f"{query}&seed={seed}", 1) as (one,):
                for stop in one.stops[label][-4:]:
                    await one.move(label, stop)

    others = [asyncio.create_task(keep_computing(*which, 1000 * place)) for place, which in enumerate(HEAVY, start=1)]
    try:
        async with visitors(server.url, PAGE, lambda _: "predict=0", CLASS) as sessions:
            return await drive(sessions, LABEL, OPTIONS, EVERY_S, seconds)
    finally:
        for other in others:
            other.cancel()
        for failure in await asyncio.gather(*others, return_exceptions=True):
            if isinstance(failure, Exception):
                raise failure


async def one_session(server: Server, query: str) -> Load:
    """One session of the page that `query` opens, which moves the slider through all its stops."""
    async with visitors(server.url, PAGE, lambda _: query, 1) as sessions:
        return await drive(sessions, LABEL, OPTIONS, ALONE_EVERY_S, len(OPTIONS) * ALONE_EVERY_S)


async def _growth(server: Server, process: psutil.Process, seconds: float) -> float:
    async with visitors(server.url, PAGE, lambda _: "predict=0", 2) as sessions:
        await _see_everything(sessions)
        await asyncio.sleep(SETTLE_S)
        before = process.memory_info().rss
        async with visitors(server.url, PAGE, lambda _: "predict=0", CLASS) as further:
            await drive(further, LABEL, OPTIONS, EVERY_S, seconds)
            await asyncio.sleep(SETTLE_S)
            return float(process.memory_info().rss - before)


async def _see_everything(sessions: Sequence[Session]) -> None:
    for session in sessions:
        for option in OPTIONS:
            await session.move(LABEL, option)


def _waiting(what: str, alone: Load, together: Load, bound: Bound | None) -> Row:
    one, slow = median(alone.seconds), percentile(together.seconds, 0.95)
    detail = (
        f"p95 {milliseconds(slow)}, median {milliseconds(median(together.seconds))}, slowest {milliseconds(max(together.seconds))} "
        f"over {len(together.seconds)} moves, {together.late} late; one session {milliseconds(one)}"
    )
    return Row(f"{what}: p95 against the one-session median", ratio(slow, one), bound, detail=detail)
