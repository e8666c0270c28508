"""A class of sixty, then ten on one server: how soon a vote is on the teacher's screen, a reveal on every phone; what that costs others.

Then five real browsers in a class of their own, beside the ten.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import websockets
from playwright.async_api import Page, async_playwright
from websockets.asyncio.client import ClientConnection

from benchmarks import load
from benchmarks.browser import PHONE
from benchmarks.report import Bound, Row, milliseconds, percentile, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import drive, visitors
from bnviz.classroom.protocol import VERSION, FromServer, Refused, State, Welcome, read_server
from scripts import chromium

ROUTE: Final = "/bnviz/class"
CLASSES: Final = 10
STUDENTS: Final = 60
BROWSERS: Final = 5
VOTE: Final = Bound(1, "s")
REVEAL: Final = Bound(2, "s")
UNDISTURBED: Final = Bound(2)
VOTES_WITHIN_S: Final = 5.0  # a class answers within seconds, not at once
OPTIONS: Final = [{"en": name, "zh": name} for name in "ABCD"]
QUESTION: Final = {"en": "What happens to the variance?", "zh": "方差会怎样？"}
AT: Final = {"page": load.PAGE, "query": {"batch_size": "8", "momentum": "0.3", "warmup": "100", "mode": "eval"}}
LATEST_S: Final = 30.0
TURNS: Final = 3

# When, in seconds since 1970, a student's page is first painted after its vote, and after the answer came.
CLOCK: Final = """() => {
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    document.addEventListener("click", () => { window.voted = now(); }, true);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.revealed = now(); };
    new MutationObserver(() => {
        if (!("vote" in document.documentElement.dataset)) requestAnimationFrame(() => port2.postMessage(null));
    }).observe(document.documentElement, { attributeFilter: ["data-vote"] });
}"""


@dataclass(eq=False)
class Screen:
    """One connection, which always reads."""

    websocket: ClientConnection
    welcome: Welcome | None = None
    state: State | None = None
    """The newest that came."""
    question: int = 0
    """The one that is measured: of the one before, something may still be on its way."""
    counts: list[float] = field(default_factory=list)
    """Of a teacher: when the screen came to show each vote of the present round."""
    revealed: float = 0.0
    """When the screen came to show the answer of the present question."""
    refused: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read_on(self) -> None:
        """Take everything that comes, until the connection ends."""
        with suppress(websockets.ConnectionClosed):
            async for text in self.websocket:
                self._take(read_server(str(text)), time.perf_counter())
                async with self.changed:
                    self.changed.notify_all()

    def _take(self, message: FromServer, now: float) -> None:
        match message:
            case Welcome():
                self.welcome = message
            case Refused():
                self.refused.append(message.sentence.en)
            case State():
                self.state = message
                poll = message.shared.poll
                if poll is None or poll.id != self.question:
                    return
                if poll.voted:
                    self.counts += [now] * (poll.voted[-1] - len(self.counts))
                if poll.revealed and not self.revealed:
                    self.revealed = now

    async def say(self, kind: str, **values: Any) -> float:
        """Send a message; when."""
        start = time.perf_counter()
        await self.websocket.send(json.dumps({"type": kind, **values}))
        return start

    async def until(self, condition: Callable[[Screen], object]) -> None:
        """Wait until the screen meets it. Raises: TimeoutError."""
        async with asyncio.timeout(LATEST_S), self.changed:
            await self.changed.wait_for(lambda: condition(self))


@dataclass
class Class:
    """A class."""

    teacher: Screen
    students: list[Screen]
    number: int = 0
    """Of the present question, and of everybody's latest message."""

    async def lesson(self) -> tuple[list[float], list[float]]:
        """One question: seconds from each vote to the teacher's screen, and from the reveal to each phone."""
        self.number += 1
        number = self.number  # a lesson that is broken off leaves its question behind
        for screen in (self.teacher, *self.students):
            screen.question, screen.counts, screen.revealed = number, [], 0.0
        await self.teacher.say("ask", id=number, question=QUESTION, options=OPTIONS)
        for screen in self.students:
            await screen.until(lambda one: one.state and one.state.shared.poll and one.state.shared.poll.id == number)
        sent = await asyncio.gather(*(self._vote(place, number) for place in range(len(self.students))))
        await self.teacher.until(lambda one: len(one.counts) >= len(self.students))
        votes = [shown - at for shown, at in zip(self.teacher.counts, sorted(sent), strict=True)]
        start = await self.teacher.say("reveal", id=number, poll=number, round=1, correct=2, at=AT)
        for screen in self.students:
            await screen.until(lambda one: one.revealed)
        return votes, [screen.revealed - start for screen in self.students]

    async def _vote(self, place: int, number: int) -> float:
        await asyncio.sleep(VOTES_WITHIN_S * place / len(self.students))
        return await self.students[place].say("answer", id=number, poll=number, round=1, value=place % 4)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds."""

    alone: tuple[list[float], list[float]]
    """Of votes and of reveals in one class."""
    together: tuple[list[float], list[float]]
    """The same in all classes at once."""
    browsers: tuple[list[float], list[float]]
    """The same of real browsers in one class, beside all others."""
    still: list[float]
    """Of a slider's moves while no class votes."""
    beside: list[float]
    """And beside classes that do."""


def measure(quick: bool) -> list[Row]:
    """Votes and reveals in all classes at once; then the slider of `layer` without and with lessons beside it."""
    with ours() as server:
        times = asyncio.run(_everything(server, 2 if quick else 6, 8 if quick else 24))
    what = f"{CLASSES} classes of {STUDENTS}"
    slow, slow_beside = (percentile(moves, 0.95) for moves in (times.still, times.beside))
    return [
        *_rows(f"A class of {STUDENTS}", *times.alone),
        *_rows(what, *times.together),
        *_rows(f"{BROWSERS} real browsers in one of {what}, beside the others", *times.browsers),
        Row(
            f"{load.CLASS} sessions moving a slider: p95 beside {what} that vote, against p95 without",
            ratio(slow_beside, slow),
            UNDISTURBED,
            detail=f"{milliseconds(slow_beside)} against {milliseconds(slow)}",
        ),
    ]


def _rows(what: str, votes: list[float], reveals: list[float]) -> list[Row]:
    return [
        Row(
            f"{what}: p95 from a vote to the teacher's screen",
            percentile(votes, 0.95),
            VOTE,
            "s",
            f"slowest {milliseconds(max(votes))} of {len(votes)}",
        ),
        Row(
            f"{what}: p95 from a reveal to each phone, in every class at once",
            percentile(reveals, 0.95),
            REVEAL,
            "s",
            f"slowest {milliseconds(max(reveals))} of {len(reveals)}",
        ),
    ]


@asynccontextmanager
async def _classes(server: Server) -> AsyncIterator[list[Class]]:
    """All classes, everybody in their seat."""
    async with AsyncExitStack() as stack:
        classes = []
        for _ in range(CLASSES):
            teacher = await _enter(stack, server, "start")
            assert teacher.welcome is not None
            code = teacher.welcome.code
            students = [await _enter(stack, server, "join", code=code) for _ in range(STUDENTS)]
            classes.append(Class(teacher, students))
        yield classes
        refused = [
            sentence for each in classes for screen in (each.teacher, *each.students) for sentence in screen.refused
        ]
        if refused:
            raise RuntimeError(f"{len(refused)} messages were refused: {refused[0]}")


async def _enter(stack: AsyncExitStack, server: Server, kind: str, **values: Any) -> Screen:
    address = server.url.replace("http", "ws", 1) + ROUTE
    origin = websockets.Origin(server.url)
    screen = Screen(
        await stack.enter_async_context(
            websockets.connect(address, origin=origin, compression=None, ping_interval=None)
        )
    )
    reading = asyncio.create_task(screen.read_on())
    stack.callback(reading.cancel)
    await screen.say(kind, version=VERSION, **values)
    await screen.until(lambda one: one.welcome)
    return screen


async def _everything(server: Server, questions: int, seconds: float) -> Times:
    async with _classes(server) as classes:
        alone = await _lessons(classes[:1], questions)
        together = await _lessons(classes, questions)
        async with _teaching(classes[1:]):
            browsers = await _browsers(server, classes[0], questions)
        return Times(alone, together, browsers, *await _sliders(server, classes, seconds))


async def _browsers(server: Server, joined: Class, questions: int) -> tuple[list[float], list[float]]:
    """Seconds from the click of each vote to the teacher's screen, and from each reveal until a phone has painted it."""
    teacher = joined.teacher
    assert teacher.welcome is not None
    async with async_playwright() as driver:
        chrome = await driver.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        pages: list[Page] = []
        for _ in range(BROWSERS):
            page = await chrome.new_page(viewport=PHONE)
            await page.goto(f"{server.url}/{load.PAGE}?predict=0&class={teacher.welcome.code}")
            await page.wait_for_function("() => document.documentElement.dataset.class === 'student'")
            await page.evaluate(CLOCK)
            pages.append(page)
        votes: list[float] = []
        reveals: list[float] = []
        for _ in range(questions):
            joined.number += 1
            number = teacher.question = joined.number
            teacher.counts = []
            await teacher.say("ask", id=number, question=QUESTION, options=OPTIONS)
            for page in pages:
                voted = len(teacher.counts)
                await page.locator("button.option").nth(number % 4).click()
                await teacher.until(lambda one, voted=voted: len(one.counts) > voted)  # type: ignore[misc]
                votes.append(_since_1970(teacher.counts[-1]) - await page.evaluate("voted"))
            start = await teacher.say("reveal", id=number, poll=number, round=1, correct=2, at=AT)
            for page in pages:
                await page.wait_for_function(f"() => window.revealed > {_since_1970(start)}")
                reveals.append(await page.evaluate("revealed") - _since_1970(start))
        await chrome.close()
        return votes, reveals


def _since_1970(counter: float) -> float:
    """What the clock on the wall said when the performance counter stood at `counter`."""
    return time.time() - time.perf_counter() + counter


async def _lessons(classes: Sequence[Class], questions: int) -> tuple[list[float], list[float]]:
    """Seconds of all votes, and of all reveals."""
    votes: list[float] = []
    reveals: list[float] = []
    for _ in range(questions):
        for voted, revealed in await asyncio.gather(*(each.lesson() for each in classes)):
            votes += voted
            reveals += revealed
    return votes, reveals


async def _sliders(server: Server, classes: Sequence[Class], seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of a slider's moves, without and beside lessons. In turns: a machine has better and worse moments."""
    still: list[float] = []
    beside: list[float] = []
    async with visitors(server.url, load.PAGE, lambda _: "predict=0", load.CLASS) as sessions:
        for option in load.OPTIONS:
            await sessions[0].move(load.LABEL, option)
        for _ in range(TURNS):
            still += (await drive(sessions, load.LABEL, load.OPTIONS, load.EVERY_S, seconds / TURNS)).seconds
            async with _teaching(classes):
                beside += (await drive(sessions, load.LABEL, load.OPTIONS, load.EVERY_S, seconds / TURNS)).seconds
    return still, beside


@asynccontextmanager
async def _teaching(classes: Sequence[Class]) -> AsyncIterator[None]:
    """All classes vote, one question after another, until the context is left."""
    teaching = asyncio.create_task(_teach(classes))
    try:
        yield
    finally:
        teaching.cancel()
        with suppress(asyncio.CancelledError):
            await teaching


async def _teach(classes: Sequence[Class]) -> None:
    while True:
        await asyncio.gather(*(each.lesson() for each in classes))
