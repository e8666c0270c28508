"""Every topic that answers at once: how long a movement of its sliders takes, computed anew."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any, Final

from benchmarks.report import Bound, Row, milliseconds, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import visitors
from bnviz.lessons.course import LESSONS
from bnviz.lessons.lesson import Lesson

SEED: Final = 4321  # no default, so that nothing is there yet
FIRST: Final = ("layer", "running_stats", "gradient_flow")  # the others are to be as fast as these
AS_FAST: Final = Bound(1.1)


def measure(quick: bool) -> list[Row]:
    """Each topic's median movement in units of the slowest of the `FIRST` labs, over every stop (`quick`: every third) of the
    sliders seen first."""
    topics = [part for lab in LESSONS for part in lab.parts if not part.live]
    with ours() as server:
        taken = [asyncio.run(_movements(server, topic, 3 if quick else 1)) for topic in topics]
    medians = {topic.name: median(seconds) for topic, seconds in zip(topics, taken, strict=True) if topic.name in FIRST}
    slowest = max(medians, key=lambda name: medians[name])
    return [
        Row(
            f"a slider of `{topic.name}`{f', {topic.topic}' if topic.topic else ''}, computed anew, against `{slowest}`",
            ratio(median(seconds), medians[slowest]),
            None if topic.name in FIRST else AS_FAST,
            detail=f"median {milliseconds(median(seconds))}, slowest {milliseconds(max(seconds))} over {len(seconds)} movements",
        )
        for topic, seconds in zip(topics, taken, strict=True)
    ]


async def _movements(server: Server, topic: Lesson[Any, Any], every: int) -> list[float]:
    """Seconds of each movement of a slider, one after another through its stops, the others standing where the topic opens."""
    query = f"predict=0&lang=en&seed={SEED}" + (f"&topic={topic.topic}" if topic.topic else "")
    seconds = []
    async with visitors(server.url, topic.name, lambda _: query, 1) as (session,):
        for label, stops in list(session.stops.items()):
            start = session.standing[label]
            seconds += [await session.move(label, stop) for stop in stops[::every] if stop != start]
            await session.move(label, start)
    return seconds
