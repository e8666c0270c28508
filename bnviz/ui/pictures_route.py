"""The WebSocket route of pictures: what a slider's next value leads to, ahead of the run of the page's script.

That run tells the browser anew whatever follows the settings, which costs both sides several times what the pictures cost
alone. So `drag.js` asks here while a slider moves, and the script runs when the hand rests.

One question is under way for each browser; the next that it asks meanwhile takes the place of the one before.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

from anyio import CapacityLimiter, to_thread
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bnviz.errors import BnvizError
from bnviz.i18n import LANGUAGES, Language
from bnviz.plot import wire
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab
from bnviz.ui import cache, comparing, controls, drag, visit
from bnviz.ui.broadcast import GONE
from bnviz.ui.chart import ReadyChart
from bnviz.ui.classroom_route import BUSY
from bnviz.ui.compute_queue import HEAVY_S, processor_seconds
from bnviz.ui.places import Places, address_of
from bnviz.ui.player import ReadyScene

PATH: Final = "pictures"
AT_ONCE: Final = 8
"""Questions that are answered with what is kept."""
MADE_AT_ONCE: Final = 1
"""Questions for which something light is computed or drawn. Python's lock goes round in turns of 5 ms: beside several who compute,
who asks for what is kept would wait for all of them, again and again."""
PATIENT_AT_ONCE: Final = 2
"""Questions that wait in the queue of computations: so many that it never runs dry, so few that pages have their turn in it."""
PATIENT_FOR: Final = 16
"""Questions of a browser that go to those who wait, after one that was heavy: what it asks next is easily taken for light."""
SECONDS_PER_BYTE: Final = 3e-8
"""Of the processor, to press an answer and to send it: 2.7 ms for the 91 kB of `layer`."""
NOTHING_MS: Final = 100
"""Pause after a question to which there are no pictures."""
LONGEST_QUESTION: Final = 4000
VIEWS: Final = ("picture", "theory")
"""Those whose pictures come ahead."""
TOO_BIG: Final = 1009


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser wants to see."""

    settings: str
    """Of the page, as in a link to it."""
    view: str
    """Which of `VIEWS` it shows."""
    slider: str
    """The CSS name of the widget that moves."""
    index: int
    """The stop where it is now."""
    pinned: str = ""
    """Settings to compare with, as in a link (`visit.pin`); "" for none."""

    @classmethod
    def read(cls, text: str) -> Question | None:
        """What `text` asks; None where it is no question."""
        try:
            asked = json.loads(text)
            question = cls(**asked)
        except (ValueError, TypeError, RecursionError):
            return None
        words = question.settings, question.view, question.slider, question.pinned
        return question if all(isinstance(word, str) for word in words) and type(question.index) is int else None


class OvertakenError(Exception):
    """The browser asks for something newer, or has gone."""


class WaitsError(Exception):
    """The answer would have to wait for the computations of others."""


T = TypeVar("T")


class _Lane:
    """Work that is done one after the other, in threads. What takes long does not keep up the next: it was not light after all."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(MADE_AT_ONCE)
        self._threads = CapacityLimiter(AT_ONCE)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises what it raises."""
        async with self._turn:
            working = asyncio.create_task(to_thread.run_sync(work, limiter=self._threads))
            working.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # whether it is still waited for or not
            await asyncio.wait([working], timeout=HEAVY_S)
        return await working


class _Rooms:
    """Where questions are worked on. Each kind has a room of its own: in one for all, the dear ones would keep out the others."""

    def __init__(self) -> None:
        self.kept = CapacityLimiter(AT_ONCE)
        self.made = _Lane()
        self.patient = CapacityLimiter(PATIENT_AT_ONCE)


Room = Literal["kept", "made", "patient"]


class _Browser:
    """One connection: its newest question, and whether it still waits for the one that is worked on."""

    def __init__(self, websocket: WebSocket, lab: Lab, language: Language, visitor: str) -> None:
        self.websocket, self.lab, self.language, self.visitor = websocket, lab, language, visitor
        self.address = address_of(websocket.scope)
        self.asked: Question | None = None
        self.sent = 0  # bytes of the last answer
        self.patient_for = 0  # more questions
        self.news = asyncio.Event()
        self.gone = False

    async def listen(self) -> None:
        """Take questions until the browser leaves."""
        with suppress(WebSocketDisconnect, KeyError):  # KeyError: bytes
            while len(text := await self.websocket.receive_text()) <= LONGEST_QUESTION:
                self.asked = Question.read(text)
                self.news.set()
            await self.websocket.close(TOO_BIG)
        self.gone = True

    async def answer(self, rooms: _Rooms) -> None:
        """Answer the newest question, again and again. The next is not begun before the pause, whether the browser keeps it or not."""
        with suppress(WebSocketDisconnect):
            await asyncio.sleep(drag.wait(self.visitor))
            while True:
                await self.news.wait()
                self.news.clear()
                with suppress(OvertakenError):
                    answer, pause = await self._worked_on(rooms)
                    await self.websocket.send_bytes(answer)
                    await asyncio.sleep(pause / 1000)

    async def _worked_on(self, rooms: _Rooms) -> tuple[bytes, int]:
        """The answer, and the pause after it in milliseconds. Raises OvertakenError."""
        question = self.asked
        if not self.patient_for:
            with suppress(WaitsError):
                return await to_thread.run_sync(self._answer, question, "kept", limiter=rooms.kept)
            with suppress(WaitsError):
                return await rooms.made.run(partial(self._answer, question, "made"))
        self.patient_for = max(0, self.patient_for - 1)
        return await to_thread.run_sync(self._answer, question, "patient", limiter=rooms.patient)

    def _answer(self, question: Question | None, room: Room) -> tuple[bytes, int]:
        """What `_worked_on` says. Raises OvertakenError; WaitsError where it is for another room."""
        start = processor_seconds()
        seen = None if question is None else self._pictures(question, room)
        if seen is None:  # nobody's turn: who asks for nothing does not slow down who drags
            return pack({"settings": None, "pause": NOTHING_MS}, {}), NOTHING_MS
        seconds = processor_seconds() - start
        if seconds >= HEAVY_S:
            self.patient_for = PATIENT_FOR
        pause = drag.pause(self.visitor, seconds + SECONDS_PER_BYTE * self.sent, drag.ROOM, self.address)
        settings, charts, scenes = seen
        answer = pack({"settings": settings, "pause": pause, "charts": charts}, scenes)
        self.sent = len(answer)
        return answer, pause

    def _pictures(self, question: Question, room: Room) -> tuple[str, dict[str, Any], dict[str, bytes]] | None:
        """The link of the settings, their charts and their scenes; None where the page has to see to it.

        Raises OvertakenError; WaitsError where it is for another room.
        """
        query = visit.settings_query(dict(parse_qsl(question.settings, keep_blank_values=True)))
        topic, settings, _ = self.lab.from_query(query)
        if not isinstance(topic, InstantTopic) or question.view not in VIEWS:
            return None

        def still_wanted(before: int) -> None:
            if self.gone or self.news.is_set():
                raise OvertakenError
            another_makes_the_same = not before
            if room != "patient" and (another_makes_the_same or cache.is_heavy(topic, self.visitor)):
                raise WaitsError

        def may_make() -> None:
            if room == "kept":
                raise WaitsError

        try:
            moved = controls.moved(topic, settings, question.slider, question.index, self.language)
            if moved is None:
                return None
            result = cache.result(topic, moved, None, self.visitor, still_wanted, may_make)
            pinned = self._pinned(question, topic)
            if pinned is None or pinned == moved:
                draws = topic.pictures if question.view == "picture" else topic.theory
                ready = cache.drawings(draws, result, topic.lab, self.language, keep=True, before=may_make)
            else:
                other = cache.result(topic, pinned, None, self.visitor, still_wanted, may_make)
                pairs = comparing.compared(topic, result, other, self.language, may_make)
                ready = [one for pair in pairs for one in pair if one is not None]
        except BnvizError:
            return None
        charts = {drag.css_name(one.key): one.content for one in ready if isinstance(one, ReadyChart)}
        scenes = {drag.css_name(one.key): one.content(0) for one in ready if isinstance(one, ReadyScene)}
        return urlencode(self.lab.to_query(topic, moved)), charts, scenes

    def _pinned(self, question: Question, topic: AnyTopic) -> LabSettings | None:
        """What the pictures are compared with."""
        if not question.pinned or question.view != "picture":
            return None
        pinned_topic, settings = visit.pinned(self.lab, question.pinned)[:2]
        return settings if pinned_topic is topic else None


def pack(header: Mapping[str, Any], blocks: Mapping[str, bytes]) -> bytes:
    """`header` and `blocks` as one message, in the form of `plot.wire`; the header then says where each block is."""
    places, block = {}, bytearray()
    for name, content in blocks.items():
        block += bytes(-len(block) % wire.ALIGNMENT)
        places[name] = [len(block), len(content)]
        block += content
    return wire.framed(json.dumps({**header, "scenes": places}).encode(), bytes(block))


class Pictures:
    """The WebSocket route of all labs, for `most` browsers at once."""

    def __init__(self, most: int) -> None:
        self.browsers = Places(most)
        self._numbers = itertools.count()
        self._left: deque[tuple[str, str]] = deque(maxlen=most)
        """Addresses and names of those who have left, as long as nobody has taken their place."""
        self._rooms: _Rooms | None = None

    async def endpoint(self, websocket: WebSocket) -> None:
        """One browser, from coming to going."""
        from bnviz.labs.course import find_lab  # imports every lab, and PyTorch; the server has them by then

        lab, language = find_lab(websocket.path_params["lab"]), websocket.path_params["language"]
        await websocket.accept()
        if lab is None or language not in LANGUAGES:
            await websocket.close(GONE)
            return
        address = address_of(websocket.scope)
        if not self.browsers.take(address):
            await websocket.close(BUSY)
            return
        self._rooms = self._rooms or _Rooms()
        browser = _Browser(websocket, lab, language, self._name(websocket))
        tasks = [asyncio.create_task(browser.listen()), asyncio.create_task(browser.answer(self._rooms))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.browsers.leave(address)
            self._left.append((browser.address, browser.visitor))
            browser.gone = True
            for task in tasks:
                task.cancel()
            for failure in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(failure, Exception):
                    raise failure

    def _name(self, websocket: WebSocket) -> str:
        """What a browser is known by: as who left its address last, so that nobody gets out of a pause by coming anew."""
        address = address_of(websocket.scope)
        left = next((one for one in reversed(self._left) if one[0] == address), None)
        if left is None:
            return f"pictures {next(self._numbers)}"
        self._left.remove(left)
        return left[1]


def route(mount_path: str, most: int) -> WebSocketRoute:
    """`…/pictures/{lab}/{language}`, for `most` browsers at once."""
    return WebSocketRoute(f"{mount_path}/{PATH}/{{lab}}/{{language}}", Pictures(most).endpoint)
