"""Many visitors without browsers: Streamlit's own WebSocket protocol (as of Streamlit 1.67), spoken by asyncio."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

TIMEOUT_S: Final = 30.0
RAMP_S: Final = 0.1  # between two visitors who open the page


Query = Callable[[int], str]


@dataclass(slots=True)
class Session:
    """One visitor of `page`. `sliders`, `groups`, `buttons`: ids by label, as the last run showed them (a group is a row of buttons
    of which one is chosen); `uploader`: id of the one that takes a file; `stops`: options of sliders and groups, by label;
    `standing`: the option at which each slider was first seen; `chosen`: the option of each id.

    `fragments`: by id, the part of the page that a widget belongs to and that runs alone when it is moved. `live`, `owner`: path of
    the long run that the page shows, if it does, and what to say there first. `on_element` gets every element of the page.
    """

    url: str
    page: str
    query: str
    sliders: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)
    uploader: str = ""
    stops: dict[str, tuple[str, ...]] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    live: str = ""
    owner: str = ""
    chosen: dict[str, str] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    on_element: Callable[[Any], None] = lambda element: None
    _file: tuple[str, int, Any] | None = None
    _places: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _id: str = ""
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
        """Move the slider or group `label` to `option`; seconds until the script has run. Raises KeyError, TimeoutError."""
        slider = self.sliders.get(label) or self.groups[label]
        self.chosen[slider] = option
        start = time.perf_counter()
        await self._rerun(self.fragments[slider])
        return time.perf_counter() - start

    async def press(self, label: str) -> float:
        """Press the button `label`; seconds until the script has run. Raises KeyError, TimeoutError."""
        start = time.perf_counter()
        button = self.buttons[label]
        await self._rerun(self.fragments[button], button)
        return time.perf_counter() - start

    async def send_file(self, name: str, data: bytes) -> float:
        """Give the uploader a file; seconds until the script has run. Raises urllib's HTTPError where the server refuses it."""
        start = time.perf_counter()
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = name, self._id
        request.file_names.append(name)
        await self._socket.send(message.SerializeToString())
        place = await asyncio.wait_for(self._places.get(), TIMEOUT_S)
        await asyncio.to_thread(_put, self.url, place.upload_url, name, data)
        self._file = (name, len(data), place)
        await self._rerun(self.fragments[self.uploader])
        return time.perf_counter() - start

    async def reload(self) -> None:
        """Run the whole script again, with the widgets as they are."""
        await self._rerun()

    async def wander(self, page: str, query: str) -> float:
        """Go to another page by a link; seconds until the script has run."""
        start = time.perf_counter()
        self.page, self.query, self._page_hash, self._file, self.uploader = page, query, "", None, ""
        self.chosen.clear()
        await self._rerun()
        return time.perf_counter() - start

    async def leave_without_a_word(self) -> None:
        """Cut the connection, as a lid that is closed does."""
        self._socket.transport.abort()
        if self._reading:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def shout(self) -> None:
        """Ask for a run of the script and do not wait for it."""
        await self._socket.send(self._message().SerializeToString())

    def stop_reading(self) -> None:
        """Take nothing more of what the server sends, until `read_on`."""
        self._socket.transport.pause_reading()

    def read_on(self) -> None:
        """Take it again."""
        if not self._socket.transport.is_closing():
            self._socket.transport.resume_reading()

    async def close(self) -> None:
        """Leave. What went wrong while reading is raised here."""
        await self._socket.close()
        if self._reading:
            await self._reading

    def _message(self, fragment: str = "", pressed: str = "") -> BackMsg:
        """Ask for a run of the script, or of a `fragment` of it."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash, run.fragment_id = self.query, self._page_hash, fragment
        run.page_name = "" if self._page_hash else self.page
        run.cached_message_hashes.extend(self._kept)
        run.context_info.locale, run.context_info.timezone = "en-US", "Europe/Zurich"
        run.context_info.url = f"{self.url}/{self.page}"
        for slider, option in self.chosen.items():
            run.widget_states.widgets.add(id=slider).string_array_value.data.append(option)
        if self._file:
            name, size, place = self._file
            told = run.widget_states.widgets.add(id=self.uploader).file_uploader_state_value
            told.uploaded_file_info.add(name=name, size=size, file_id=place.file_id, file_urls=place)
        if pressed:
            run.widget_states.widgets.add(id=pressed).trigger_value = True
        return message

    async def _rerun(self, fragment: str = "", pressed: str = "") -> None:
        message = self._message(fragment, pressed)
        for shown in (self.sliders, self.groups, self.buttons):
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
                self.on_element(message.delta.add_block)
            elif kind == "new_session":
                self._id = message.new_session.initialize.session_id
            elif kind == "file_urls_response":
                self._places.put_nowait(message.file_urls_response.file_urls[0])
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self._done.set()

    def _notice(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        self.on_element(element)
        if kind is not None:
            self.fragments[getattr(getattr(element, kind), "id", "")] = fragment
        if kind == "slider":
            slider = element.slider
            self.sliders[slider.label] = slider.id
            if slider.options:
                self.stops[slider.label] = tuple(slider.options)
                self.standing.setdefault(slider.label, slider.options[int(slider.default[0])])
        elif kind == "button_group":
            group = element.button_group
            self.groups[group.label] = group.id
            self.stops[group.label] = tuple(option.content for option in group.options)
        elif kind == "file_uploader":
            self.uploader = element.file_uploader.id
        elif kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif kind == "bidi_component" and element.bidi_component.component_name.endswith("bnviz_live"):
            told = json.loads(element.bidi_component.json)
            self.live, self.owner = f"{told['url']}", told["owner"]
        elif kind == "exception":
            self.exceptions.append(element.exception.message)


def _put(server: str, path: str, name: str, data: bytes) -> None:
    """Send one file in a form, with the token against forged requests that the server gives to its own pages."""
    with urllib.request.urlopen(f"{server}/_stcore/health", timeout=TIMEOUT_S) as answer:
        cookies = SimpleCookie(answer.headers["Set-Cookie"])
    token = cookies["_streamlit_xsrf"].value
    between = secrets.token_hex(16)
    shown = name.replace('"', "%22")
    head = f'--{between}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n\r\n'.encode()
    told = {
        "Content-Type": f"multipart/form-data; boundary={between}",
        "Cookie": f"_streamlit_xsrf={token}",
        "X-Xsrftoken": token,
    }
    request = urllib.request.Request(server + path, head + data + f"\r\n--{between}--\r\n".encode(), told, method="PUT")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):
        pass


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
