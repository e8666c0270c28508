"""Every topic that answers at once: how long a movement of its sliders takes, computed anew."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any, Final

from benchmarks.report import Bound, Row, milliseconds, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import visitors
from bnviz.labs.course import LESSONS
from bnviz.teaching.lab import Lesson

SEED: Final = 4321  # no default, so that nothing is there yet
FIRST: Final = ("layer", "running_stats", "gradient_flow")  # the others are to be as fast as these
AS_FAST: Final = Bound(1.1)


def measure(quick: bool) -> list[Row]:
    """Each topic's median movement in units of the slowest of the `FIRST` labs, measured before and after it; over every stop
    (`quick`: every third) of the sliders seen first."""
    topics = [part for lab in LESSONS for part in lab.parts if not part.live]
    first = [topic for topic in topics if topic.name in FIRST]
    every = 3 if quick else 1
    with ours() as server:

        def movements(topic: Lesson[Any, Any], seed: int) -> list[float]:
            return asyncio.run(_movements(server, topic, every, seed))

        known = {topic.name: movements(topic, SEED) for topic in first}
        slowest = max(first, key=lambda topic: median(known[topic.name]))
        beside = known[slowest.name]
        rows = [_row(topic, known[topic.name], slowest, beside, None) for topic in first]
        for turn, topic in enumerate([topic for topic in topics if topic not in first], start=1):
            before, seconds, beside = beside, movements(topic, SEED), movements(slowest, SEED + turn)
            rows.append(_row(topic, seconds, slowest, before + beside, AS_FAST))
    return rows


def _row(
    topic: Lesson[Any, Any], seconds: list[float], other: Lesson[Any, Any], beside: list[float], bound: Bound | None
) -> Row:
    name = f"`{topic.name}`{f', {topic.topic}' if topic.topic else ''}"
    return Row(
        f"a slider of {name}, computed anew, against `{other.name}`",
        ratio(median(seconds), median(beside)),
        bound,
        detail=f"median {milliseconds(median(seconds))} against {milliseconds(median(beside))}, "
        f"slowest {milliseconds(max(seconds))} over {len(seconds)} movements",
    )


async def _movements(server: Server, topic: Lesson[Any, Any], every: int, seed: int) -> list[float]:
    """Seconds of each movement of a slider, one after another through its stops, the others standing where the topic opens."""
    query = f"predict=0&lang=en&seed={seed}" + (f"&topic={topic.topic}" if topic.topic else "")
    seconds = []
    async with visitors(server.url, topic.name, lambda _: query, 1) as (session,):
        for label, stops in list(session.stops.items()):
            start = session.standing[label]
            seconds += [await session.move(label, stop) for stop in stops[::every] if stop != start]
            await session.move(label, start)
    return seconds
