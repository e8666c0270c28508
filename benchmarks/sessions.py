"""Many visitors without browsers: Streamlit's own WebSocket protocol (as of Streamlit 1.67), spoken by asyncio."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

TIMEOUT_S: Final = 30.0
RAMP_S: Final = 0.1  # between two visitors who open the page

CSS_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
LIVE: Final = re.compile(rb"/bnviz/\w+/live/\d+/\w+\?owner=[\w-]+")

Query = Callable[[int], str]


@dataclass(slots=True)
class Session:
    """One visitor of `page`. `sliders`, `buttons`: ids by label, as the last run showed them; `stops`: options of the sliders, by
    label; `standing`: the option at which each slider was first seen; `chosen`: the option of each id.

    `fragments`: by id, the part of the page that a widget belongs to and that runs alone when it is moved. `live`: path of the long
    run that the page shows, if it does. `drag`: id of the component that tells which slider is held; `pause`: seconds that the server
    wants between two of its values.
    """

    url: str
    page: str
    query: str
    sliders: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)
    stops: dict[str, tuple[str, ...]] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    live: str = ""
    drag: str = ""
    pause: float = 0.0
    chosen: dict[str, str] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    _held: str = ""
    _kept: set[str] = field(default_factory=set)
    _page_hash: str = ""
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: Any = None
    _reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and wait for the first run of the script."""
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await websockets.connect(
            address,
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
            origin=websockets.Origin(self.url),
            ping_interval=None,
        )
        self._reading = asyncio.create_task(self._read())
        await self._rerun()

    async def move(self, label: str, option: str) -> float:
        """Move the slider `label` to `option`; seconds until the script has run. Raises KeyError, TimeoutError."""
        slider = self.sliders[label]
        self.chosen[slider] = option
        start = time.perf_counter()
        await self._rerun(self.fragments[slider])
        return time.perf_counter() - start

    async def hold(self, label: str, index: int, number: int) -> float:
        """Hold the slider `label` at its stop `index`, as the `number`-th value of a drag; seconds until the script has run."""
        key = self.sliders[label].split("-", 2)[-1]
        name, first = CSS_NAME.sub("-", key), self.stops[label].index(self.standing[label])
        told = {"slider": name, "index": index, "start": first, "number": number}
        self._held = json.dumps({"held": told})
        start = time.perf_counter()
        await self._rerun(self.fragments[self.drag])
        return time.perf_counter() - start

    async def press(self, label: str) -> float:
        """Press the button `label`; seconds until the script has run. Raises KeyError, TimeoutError."""
        start = time.perf_counter()
        button = self.buttons[label]
        await self._rerun(self.fragments[button], button)
        return time.perf_counter() - start

    async def close(self) -> None:
        """Leave. What went wrong while reading is raised here."""
        await self._socket.close()
        if self._reading:
            await self._reading

    async def _rerun(self, fragment: str = "", pressed: str = "") -> None:
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash, run.fragment_id = self.query, self._page_hash, fragment
        run.page_name = "" if self._page_hash else self.page
        run.cached_message_hashes.extend(self._kept)
        run.context_info.locale, run.context_info.timezone = "en-US", "Europe/Zurich"
        run.context_info.url = f"{self.url}/{self.page}"
        for slider, option in self.chosen.items():
            run.widget_states.widgets.add(id=slider).string_array_value.data.append(option)
        if self._held:
            run.widget_states.widgets.add(id=self.drag).json_value = self._held
        if pressed:
            run.widget_states.widgets.add(id=pressed).trigger_value = True
        for shown in (self.sliders, self.buttons):
            for label in [label for label, one in shown.items() if fragment in ("", self.fragments[one])]:
                del shown[label]
        self.live = ""
        self._done.clear()
        await self._socket.send(message.SerializeToString())
        await asyncio.wait_for(self._done.wait(), TIMEOUT_S)

    async def _read(self) -> None:
        async for data in self._socket:
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if message.metadata.cacheable and message.hash:
                self._kept.add(message.hash)
            if kind == "delta":
                self._notice(message.delta.new_element, message.delta.fragment_id)
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self._done.set()

    def _notice(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind is not None:
            self.fragments[getattr(getattr(element, kind), "id", "")] = fragment
        if kind == "slider":
            slider = element.slider
            self.sliders[slider.label] = slider.id
            if slider.options:
                self.stops[slider.label] = tuple(slider.options)
                self.standing.setdefault(slider.label, slider.options[int(slider.default[0])])
        elif kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif kind == "bidi_component" and element.bidi_component.component_name.endswith("bnviz_drag"):
            self.drag = element.bidi_component.id
            self.pause = json.loads(element.bidi_component.json)["pause"] / 1000
        elif kind == "bidi_component" and (found := LIVE.search(element.SerializeToString())):
            self.live = found.group().decode()
        elif kind == "exception":
            self.exceptions.append(element.exception.message)


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds of every move, and how many moves had to wait for the one before."""

    seconds: list[float]
    late: int


@asynccontextmanager
async def visitors(url: str, page: str, query: Query, count: int) -> AsyncIterator[list[Session]]:
    """`count` open sessions of `page`, the link of each told by `query(index)`. Raises RuntimeError if a page showed an error."""
    sessions = [Session(url, page, query(index)) for index in range(count)]

    async def enter(session: Session, delay: float) -> None:
        await asyncio.sleep(delay)
        await session.open()

    try:
        await asyncio.gather(*(enter(session, index * RAMP_S) for index, session in enumerate(sessions)))
        yield sessions
    finally:
        await asyncio.gather(*(session.close() for session in sessions if session._socket))
    exceptions = {text for session in sessions for text in session.exceptions}
    if exceptions:
        raise RuntimeError(f"the page showed: {sorted(exceptions)}")


async def drive(sessions: Sequence[Session], label: str, options: Sequence[str], every: float, seconds: float) -> Load:
    """Every session moves the slider `label` every `every` seconds through `options`, each from another start and phase."""
    taken: list[float] = []
    late = 0
    phases = random.Random(0)
    start = time.perf_counter()

    async def keep_moving(session: Session, index: int, phase: float) -> None:
        nonlocal late
        due, turn = start + phase, index * 7
        while due < start + seconds:
            await asyncio.sleep(due - time.perf_counter())
            taken.append(await session.move(label, options[turn % len(options)]))
            due, turn = due + every, turn + 1
            if time.perf_counter() > due:
                late += 1

    await asyncio.gather(*(keep_moving(one, index, phases.random() * every) for index, one in enumerate(sessions)))
    return Load(taken, late)
