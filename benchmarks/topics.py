"""Every topic that answers at once: how long a movement of its sliders takes, computed anew."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Final

from benchmarks.report import Bound, Row, milliseconds, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import visitors
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import AnyTopic, InstantTopic

SEED: Final = 4321  # no default, so that nothing is there yet
FIRST: Final = ("layer", "running_stats", "gradient_flow")  # the others are to be as fast as these
AS_FAST: Final = Bound(1.1)


def measure(quick: bool) -> list[Row]:
    """Each topic's median movement in units of the slowest of the `FIRST` labs, measured before and after it; over every stop
    (`quick`: every third) of the sliders seen first."""
    topics = [topic for topic in TOPICS if isinstance(topic, InstantTopic)]
    first = [topic for topic in topics if topic.id in FIRST]
    every = 3 if quick else 1
    with ours() as server:

        def movements(topic: AnyTopic, seed: int) -> list[float]:
            return asyncio.run(_movements(server, topic, every, seed))

        known = {topic.id: movements(topic, SEED) for topic in first}
        slowest = max(first, key=lambda topic: median(known[topic.id]))
        beside = known[slowest.id]
        rows = [_row(topic, known[topic.id], slowest, beside, None) for topic in first]
        for turn, topic in enumerate([topic for topic in topics if topic not in first], start=1):
            before, seconds, beside = beside, movements(topic, SEED), movements(slowest, SEED + turn)
            rows.append(_row(topic, seconds, slowest, before + beside, AS_FAST))
    return rows


def _row(topic: AnyTopic, seconds: list[float], other: AnyTopic, beside: list[float], bound: Bound | None) -> Row:
    return Row(
        f"a slider of `{topic.id}`, computed anew, against `{other.id}`",
        ratio(median(seconds), median(beside)),
        bound,
        detail=f"median {milliseconds(median(seconds))} against {milliseconds(median(beside))}, "
        f"slowest {milliseconds(max(seconds))} over {len(seconds)} movements",
    )


async def _movements(server: Server, topic: AnyTopic, every: int, seed: int) -> list[float]:
    """Seconds of each movement of a slider, one after another through its stops, the others standing where the topic opens."""
    query = f"predict=0&lang=en&seed={seed}" + ("" if topic.name == topic.lab else f"&topic={topic.name}")
    seconds = []
    async with visitors(server.url, topic.lab, lambda _: query, 1) as (session,):
        for label, start in list(session.standing.items()):
            stops = session.stops[label][::every]
            seconds += [await session.move(label, stop) for stop in stops if stop != start]
            await session.move(label, start)
    return seconds
