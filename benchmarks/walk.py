"""A school's lesson: `python -m benchmarks.walk [--visitors N] [--steps N]`, 60 visitors in two equal waves, about 8 minutes.

They walk through labs by shared links, move sliders, switch the language, start and stop trainings; some are on slow lines, some leave
without a word, some never read what they are sent, and three stay at a slider of `layer`. What must hold: no exception on a page or in
the log, an answer to everything, that slider's p95 at most 5 times what it takes in the middle when nobody else is there, and after the
second wave as much memory and as many threads, descriptors and processes as after the first. Heavy settings wait for one another, and
sixty people who move something every three seconds ask for more of them than one process computes: how long they wait is told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Final
from urllib.parse import urlencode

import psutil
import websockets

from benchmarks.load import EVERY_S, LABEL, OPTIONS, PAGE
from benchmarks.report import Bound, Row, milliseconds, percentile, ratio, table
from benchmarks.servers import Server, the_command
from benchmarks.sessions import TIMEOUT_S, Session, drive
from benchmarks.sessions import visitors as sessions_of
from bnviz.labs.course import LABS
from bnviz.settings import fields
from bnviz.teaching.lab import LiveTopic
from scripts.fuzz_views import SHORT, value

VISITORS: Final = 60
STEPS: Final = 20
STAYING: Final = 3
ALONE_S: Final = 12.0
THINK_S: Final = 3.0
"""Between two steps of one visitor, on average."""
ARRIVING_S: Final = 10.0
SLOW_LINE_S: Final = 1.0
KEPT_S: Final = 125.0
"""Streamlit keeps the session of somebody who is gone for two minutes, in case they come back, with three descriptors."""
WAITING: Final = Bound(5)
GROWN: Final = Bound(5, "%")
FAULTS: Final = Bound(0, "faults")
RUN: Final = ("Run", "Run it now", "运行", "现在运行")


@dataclass
class Lesson:
    """What a wave of visitors saw."""

    moves: list[float] = field(default_factory=list)
    """Seconds of each movement of any slider by somebody on a good line."""
    staying: list[float] = field(default_factory=list)
    """The same of those who stay at `layer`."""
    steps: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class State:
    """What a server takes when nobody is there any more."""

    memory: int
    """Bytes, its processes' own included, what they share with one another not."""
    threads: int
    descriptors: int
    processes: int


def link(chance: Random) -> tuple[str, str]:
    """A page and a query, as they are shared: some settings of some topic, whose long run is made short."""
    lab = chance.choice(LABS)
    topic = chance.choice(lab.topics)
    told = {"topic": topic.name} if topic.name != topic.lab else {}
    short = SHORT if isinstance(topic, LiveTopic) else {}
    for name, one in fields(topic.settings).items():
        if name in short:
            told[name] = str(short[name])
        elif one.kind == "choice" and name != "source" and chance.random() < 0.2:
            told[name] = str(value(one, chance))
    return lab.name, urlencode(told | {"predict": "0"})


class Visitor:
    """One of them. `chance` decides what they do, so that a wave with the same seeds does the same."""

    def __init__(self, server: Server, lesson: Lesson, chance: Random, think: float) -> None:
        self.server, self.lesson, self.chance, self.think = server, lesson, chance, think
        self.session = Session(server.url, "home", "")
        self.manner = chance.choice(("good",) * 7 + ("slow", "leaving", "deaf"))

    async def walk(self, steps: int) -> None:
        """Come, do `steps` things, and go."""
        try:
            await self.session.open()
            await self.session.wander(*link(self.chance))
            if self.manner == "deaf":
                self.session.stop_reading()
            for _ in range(steps):
                await asyncio.sleep(self.chance.random() * 2 * self.think)
                await self._step()
                self.lesson.steps += 1
            if self.manner in {"leaving", "deaf"}:
                await self.session.leave_without_a_word()
            else:
                await self.session.close()
        except websockets.ConnectionClosed as error:
            await self.session.leave_without_a_word()
            if self.manner != "deaf":  # a server hangs up on who does not answer its pings
                self.lesson.faults.append(
                    f"{self.manner} visitor of /{self.session.page}?{self.session.query}: {error!r}"
                )
        except (TimeoutError, OSError, websockets.WebSocketException) as error:
            self.lesson.faults.append(f"{self.manner} visitor of /{self.session.page}?{self.session.query}: {error!r}")
        self.lesson.faults += self.session.exceptions

    async def _step(self) -> None:
        kind, session, chance = self.chance.random(), self.session, self.chance
        if self.manner == "deaf":
            await session.shout()
        elif kind < 0.2:
            await session.wander(*link(chance))
        elif kind < 0.3:
            label = next(name for name in session.groups if {"English", "中文"} <= set(session.stops[name]))
            await session.move(label, chance.choice(session.stops[label]))
        elif kind < 0.45 and (pressable := [label for label in RUN if label in session.buttons]):
            await session.press(pressable[0])
            await self._watch()
        elif session.sliders:
            await self._move()
        else:
            await session.reload()

    async def _move(self) -> None:
        session = self.session
        label = self.chance.choice(sorted(session.sliders))
        option = self.chance.choice(session.stops[label])
        if self.manner == "slow":
            session.stop_reading()
            asyncio.get_running_loop().call_later(SLOW_LINE_S, session.read_on)
            await session.move(label, option)
        else:
            self.lesson.moves.append(await session.move(label, option))

    async def _watch(self) -> None:
        """Look at the run that was started, and stop it; some cut the line instead."""
        session = self.session
        if not session.live:
            return  # the queue is full, or the same run was done before
        self.lesson.runs += 1
        address, origin = self.server.url.replace("http", "ws", 1) + session.live, websockets.Origin(self.server.url)
        async with websockets.connect(address, max_size=None, origin=origin) as socket:
            await socket.send(session.owner)
            for _ in range(self.chance.randrange(1, 6)):
                try:
                    told = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
                except websockets.ConnectionClosedOK:
                    break  # it is over
                if told["status"]["state"] in {"done", "failed", "stopped"}:
                    if told["status"]["state"] == "failed":
                        self.lesson.faults.append(f"a run of /{session.page}?{session.query}: {told['status']}")
                    break
                await socket.send("seen")
            else:
                if self.manner == "leaving":
                    socket.transport.abort()
                else:
                    await socket.send("stop")
                    async with asyncio.timeout(TIMEOUT_S):
                        async for _ in socket:
                            pass


async def wave(server: Server, visitors: int, steps: int, think: float, arriving: float) -> Lesson:
    """`visitors` who come one after the other within `arriving` seconds, and those who stay; the same ones each time."""
    lesson = Lesson()

    async def come(number: int) -> None:
        await asyncio.sleep(arriving * number / visitors)
        await Visitor(server, lesson, Random(number), think).walk(steps)

    async with sessions_of(server.url, PAGE, lambda _: "predict=0", STAYING) as there:

        async def stay() -> None:
            while True:
                lesson.staying += (await drive(there, LABEL, OPTIONS, EVERY_S, EVERY_S)).seconds

        staying = asyncio.create_task(stay())
        await asyncio.gather(*map(come, range(visitors)))
        staying.cancel()
        with suppress(asyncio.CancelledError):
            await staying
    return lesson


async def alone(server: Server, visitors: int, steps: int, seconds: float) -> Lesson:
    """What some of them wait when nobody else is there; those who stay, for so many seconds."""
    lesson = Lesson()
    async with sessions_of(server.url, PAGE, lambda _: "predict=0", STAYING) as there:
        lesson.staying += (await drive(there, LABEL, OPTIONS, EVERY_S, seconds)).seconds
    for number in range(visitors):
        one = Visitor(server, lesson, Random(number), 0.1)
        one.manner = "good"
        await one.walk(steps)
    return lesson


def state(pid: int) -> State:
    """What the server takes now."""
    process = psutil.Process(pid)
    children = process.children(recursive=True)
    with process.oneshot():
        return State(
            sum(one.memory_full_info().uss for one in (process, *children)),
            process.num_threads(),
            process.num_fds(),
            1 + len(children),
        )


async def settled(pid: int) -> State:
    """The state when it has stopped changing, or after a minute."""
    now = state(pid)
    for _ in range(60):
        await asyncio.sleep(1)
        before, now = now, state(pid)
        counted = (before.threads, before.descriptors, before.processes) == (
            now.threads,
            now.descriptors,
            now.processes,
        )
        if counted and abs(now.memory - before.memory) < 2**20:
            break
    return now


def grown(first: State, second: State) -> dict[str, float]:
    """By how many percent each is more after the second wave."""
    return {
        name: 100 * (getattr(second, name) / getattr(first, name) - 1)
        for name in ("memory", "threads", "descriptors", "processes")
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """Both waves, one visitor alone, and what was left after each wave."""

    alone: Lesson
    lessons: tuple[Lesson, Lesson]
    states: tuple[State, State]
    log: str

    @property
    def faults(self) -> list[str]:
        """Everything that went wrong."""
        found = [fault for lesson in (self.alone, *self.lessons) for fault in lesson.faults]
        return found + [f"in the log:\n{self.log[-3000:]}"] * bool("Traceback" in self.log or "Error" in self.log)

    def rows(self) -> list[Row]:
        """For the table."""
        moves = [seconds for lesson in self.lessons for seconds in lesson.moves]
        staying = [seconds for lesson in self.lessons for seconds in lesson.staying]
        one, slow = median(self.alone.staying), percentile(staying, 0.95)
        steps, runs = (sum(getattr(lesson, name) for lesson in self.lessons) for name in ("steps", "runs"))
        detail = (
            f"p95 {milliseconds(slow)}, median {milliseconds(median(staying))}, slowest {milliseconds(max(staying))} over "
            f"{len(staying)} moves; alone {milliseconds(one)}"
        )
        every = f"median {milliseconds(median(moves))} of {len(moves)}; one visitor's {milliseconds(median(self.alone.moves))}"
        left = [
            Row(f"after the second wave against after the first: {name}", abs(percent), GROWN, "%", f"{percent:+.1f} %")
            for name, percent in grown(*self.states).items()
        ]
        return [
            Row("a walking class: faults", len(self.faults), FAULTS, "faults", f"{steps} steps, {runs} trainings"),
            Row(
                "a slider of `layer` beside it: p95 against the median alone", ratio(slow, one), WAITING, detail=detail
            ),
            Row(
                "any slider of any lab in it, heavy settings among them: p95", percentile(moves, 0.95), None, "s", every
            ),
            *left,
        ]


async def twice(server: Server, visitors: int, steps: int, think: float, arriving: float, kept: float) -> Outcome:
    """The lesson for one visitor after the other, then twice for all. `kept`: seconds to let go by after each."""
    one = await alone(server, max(1, visitors // 20), steps, ALONE_S if kept else EVERY_S)
    lessons, states = [], []
    for _ in range(2):
        lessons.append(await wave(server, visitors, steps, think, arriving))
        await asyncio.sleep(kept)
        last = Session(server.url, "home", "")  # when somebody leaves, Streamlit looks who has been away for too long
        await last.open()
        await last.close()
        states.append(await settled(server.pid))
    log = server.log.read_text(errors="replace")
    return Outcome(one, (lessons[0], lessons[1]), (states[0], states[1]), log)


def main(arguments: list[str] | None = None) -> int:
    """Print the table and every fault; the exit status says whether all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=VISITORS, help=f"at once ({VISITORS})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each ({STEPS})")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, the_command(Path(folder)) as server:
        outcome = asyncio.run(twice(server, options.visitors, options.steps, THINK_S, ARRIVING_S, KEPT_S))
    for fault in outcome.faults:
        print(fault)
    rows = outcome.rows()
    print(table(rows, f"{options.visitors} visitors, {options.steps} steps each, two waves"))
    return int(not all(row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
