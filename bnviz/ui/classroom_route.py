"""The WebSocket route of classes: frames between a browser and its `Connection`, and nothing else.

Which class, as whom and with which secret the first frame says, not the address: addresses are logged and shared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from bnviz.classroom.classes import Classes
from bnviz.classroom.connection import Connection
from bnviz.settings import LabSettings
from bnviz.ui.places import address_of

MAX_STRANGERS: Final = 300  # connections that have not said yet what they want
AT_ONCE_SECONDS: Final = 1.0  # in which a browser says it; of more strangers, who takes longer gives way
SAYS_WITHIN_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 90.0  # browsers ping every 25 s, in a hidden tab once a minute
TAKES_WITHIN_SECONDS: Final = 20.0
TEACHER_REST_SECONDS: Final = 0.1  # sixty votes in a second are ten pictures, not sixty
FOREIGN: Final = 1008
BUSY: Final = 1013
SILENT: Final = 4408


class ClassroomRoute:
    """The WebSocket route of `classes`."""

    def __init__(self, classes: Classes, origins: Collection[str] = ()) -> None:
        self.classes = classes
        self.origins = frozenset(origins)
        """Pages elsewhere that may connect, as `https://host`; those of this server always may."""
        self.strangers: dict[_Carrier, float] = {}
        """Connections that have not said yet what they want, and since when, the oldest first."""

    async def endpoint(self, websocket: WebSocket) -> None:
        """One browser, from coming to going."""
        if not self._is_ours(websocket):
            await websocket.close(FOREIGN)  # before it is accepted: the browser hears 403
        elif not self._has_room():
            await websocket.close(BUSY)
        else:
            await _Carrier(websocket, self).carry()

    def _has_room(self) -> bool:
        """Whether one more stranger may come. Where there are many, the one who has been silent for longest leaves."""
        if len(self.strangers) < MAX_STRANGERS:
            return True
        oldest, since = next(iter(self.strangers.items()))
        if time.monotonic() - since < AT_ONCE_SECONDS:
            return False
        del self.strangers[oldest]
        oldest.give_up()
        return True

    def _is_ours(self, websocket: WebSocket) -> bool:
        """Whether the page that connects is this server's: another one could act for a visitor without being seen."""
        origin = websocket.headers.get("origin", "")
        return origin in self.origins or (
            urlsplit(origin).scheme in {"http", "https"} and urlsplit(origin).netloc == websocket.headers.get("host")
        )


class _Carrier:
    """Carries the frames of one browser."""

    def __init__(self, websocket: WebSocket, route: ClassroomRoute) -> None:
        self.websocket = websocket
        self.route = route
        self.news = asyncio.Event()
        self.sending = asyncio.Lock()
        self.loop = asyncio.get_running_loop()
        self.connection = Connection(route.classes, address_of(websocket.scope), self._wake)
        self.code: int | None = None
        self._patience = asyncio.timeout(None)
        """With the frame that is waited for."""

    def give_up(self) -> None:
        """Wait no longer for the frame that has not come."""
        with suppress(RuntimeError):  # it has come, and the answer is on its way
            self._patience.reschedule(self.loop.time())

    def _wake(self) -> None:
        """Called from any thread."""
        with suppress(RuntimeError):  # the server is closing
            self.loop.call_soon_threadsafe(self.news.set)

    async def carry(self) -> None:
        """Until the browser has gone or there is nothing more to say."""
        await self.websocket.accept()
        try:
            if not await self._begin():
                return
            tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.connection.leave()
            await self._close()

    async def _begin(self) -> bool:
        """The first frame: who this is. Whether they are in."""
        self.route.strangers[self] = time.monotonic()
        try:
            await self._receive(SAYS_WITHIN_SECONDS)
        except (WebSocketDisconnect, TimeoutError):
            self.code = SILENT
        finally:
            self.route.strangers.pop(self, None)
        self.news.set()
        return self.connection.role is not None

    async def _listen(self) -> None:
        with suppress(WebSocketDisconnect):
            while self.connection.closed is None:
                try:
                    await self._receive(SILENT_SECONDS)
                except TimeoutError:
                    self.code = SILENT
                    return

    async def _receive(self, seconds: float) -> None:
        """Take one frame and answer it. Raises: WebSocketDisconnect, TimeoutError."""
        self._patience = asyncio.timeout(seconds)
        async with self._patience:
            message = await self.websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        for answer in self.connection.receive(message["bytes"] if text is None else text):
            await self._send(answer)

    async def _tell(self) -> None:
        """Send the newest state and nothing older: while a slow phone takes one, any number may pass by."""
        with suppress(WebSocketDisconnect, TimeoutError):
            while self.connection.closed is None:
                await self.news.wait()
                self.news.clear()
                if (text := self.connection.pending()) is not None:
                    await self._send(text)
                    if self.connection.role == "teacher":
                        await asyncio.sleep(TEACHER_REST_SECONDS)

    async def _send(self, text: str) -> None:
        async with self.sending, asyncio.timeout(TAKES_WITHIN_SECONDS):
            await self.websocket.send_text(text)

    async def _close(self) -> None:
        if self.websocket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self.websocket.close(self.connection.closed or self.code or SILENT)


def settings_of(page: str, topic: str) -> type[LabSettings] | None:
    """The settings of a lab's topic (empty: its first); None where there is no such lab."""
    from bnviz.labs.course import find_lab  # imports every lab, and PyTorch; the server has them by then

    lab = find_lab(page)
    return lab.topic(topic).settings if lab else None


CLASSES: Final = Classes(settings_of)


def route(mount_path: str, classes: Classes = CLASSES, origins: Collection[str] = ()) -> WebSocketRoute:
    """`…/class`."""
    return WebSocketRoute(f"{mount_path}/class", ClassroomRoute(classes, origins).endpoint)
