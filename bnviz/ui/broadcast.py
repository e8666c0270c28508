"""The growing picture on its way to the browsers: drawn once for each language, sent to every viewer as fast as they can take it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from anyio import to_thread
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bnviz.i18n import LANGUAGES, Language
from bnviz.jobs.pool import JobPool
from bnviz.ui.classroom_route import BUSY
from bnviz.ui.places import Places, address_of
from bnviz.ui.runs import RUNS, Run, Runs, Snapshot

DRAW_EVERY_SECONDS: Final = 0.125
REST_PER_DRAWING: Final = 3.0  # pictures that are dear to draw come less often: the server has others to serve
SEEN_WITHIN_SECONDS: Final = 5.0
INTRODUCTION_SECONDS: Final = 10.0
GONE: Final = 4404
DONE: Final = 1000


@dataclass(eq=False)
class Viewer:
    """One connection. `updates`: how many partial results the picture that was sent last stands on."""

    owner: str
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    updates: int = 0
    left: bool = False


class Channel:
    """Everybody who looks at one run in one language."""

    def __init__(self, pool: JobPool, run: Run, language: Language) -> None:
        self.run = run
        self.viewers: set[Viewer] = set()
        self.snapshot: Snapshot | None = None
        self._draw: Callable[[], Snapshot] = lambda: run.snapshot(language, pool.wait)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._changed.set()
        run.job.listeners.append(self._notice)
        self._drawing = asyncio.create_task(self._keep_drawing())

    def close(self) -> None:
        """Stop listening to the run."""
        self.run.job.listeners.remove(self._notice)
        self._drawing.cancel()

    def _notice(self) -> None:
        """Called from any thread."""
        with suppress(RuntimeError):  # the server is closing
            self._loop.call_soon_threadsafe(self._changed.set)

    async def _keep_drawing(self) -> None:
        while self.snapshot is None or not self.snapshot.over:
            await self._changed.wait()
            self._changed.clear()
            start = time.monotonic()
            self.snapshot = await to_thread.run_sync(self._draw)
            rest = REST_PER_DRAWING * (time.monotonic() - start)
            for viewer in self.viewers:
                viewer.wake.set()
            await asyncio.sleep(max(DRAW_EVERY_SECONDS, rest))


class Broadcast:
    """The WebSocket route of all runs of `runs`, for `most` viewers at once, those who have not said yet who they are among them."""

    def __init__(self, runs: Runs, most: int) -> None:
        self.runs = runs
        self.viewers = Places(most)
        self.channels: dict[tuple[int, Language], Channel] = {}
        self._going = ThreadPoolExecutor(1, "bnviz-viewers-going")

    async def endpoint(self, websocket: WebSocket) -> None:
        """One viewer, from coming to going. Whose first message is not an owner's secret token sees nothing."""
        address = address_of(websocket.scope)
        if not self.viewers.take(address):
            await websocket.close(BUSY)  # before it is accepted: the browser hears 403, and tries again later
            return
        try:
            await self._one(websocket)
        finally:
            self.viewers.leave(address)

    async def _one(self, websocket: WebSocket) -> None:
        number, language = websocket.path_params["number"], websocket.path_params["language"]
        run = self.runs.find(number)
        await websocket.accept()
        owner = await _first_message(websocket)
        if run is None or language not in LANGUAGES or owner not in run.job.owners:
            await websocket.close(GONE)
            return
        pool = self.runs.pool
        await to_thread.run_sync(pool.connected, run.job, owner)
        channel = self.channels.get((number, language))
        if channel is None:
            channel = self.channels[number, language] = Channel(pool, run, language)
        viewer = Viewer(owner)
        channel.viewers.add(viewer)
        viewer.wake.set()
        tasks = [
            asyncio.create_task(self._show(websocket, channel, viewer)),
            asyncio.create_task(self._listen(websocket, pool, run, viewer)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            channel.viewers.discard(viewer)
            if not channel.viewers:
                channel.close()
                del self.channels[number, language]
            # In a thread, because the pool may be busy; not awaited, because we may be here by cancellation.
            self._going.submit(pool.disconnected, run.job, owner)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _show(websocket: WebSocket, channel: Channel, viewer: Viewer) -> None:
        """Send the newest and nothing older: the next message waits until the browser has shown the one before."""
        while True:
            await viewer.wake.wait()
            viewer.wake.clear()
            snapshot = channel.snapshot
            if snapshot is None:
                continue
            viewer.seen.clear()
            await websocket.send_text(_message(snapshot, channel.run, viewer))
            if snapshot.over or viewer.left:
                await websocket.close(DONE)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(SEEN_WITHIN_SECONDS):  # wait_for may swallow a cancellation (Python 3.11)
                    await viewer.seen.wait()

    @staticmethod
    async def _listen(websocket: WebSocket, pool: JobPool, run: Run, viewer: Viewer) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                word = await websocket.receive_text()
                if word == "seen":
                    viewer.seen.set()
                elif viewer.left or viewer.owner not in run.job.owners:
                    continue
                elif word == "pause":
                    await to_thread.run_sync(pool.pause, run.job, viewer.owner)
                elif word == "resume":
                    await to_thread.run_sync(pool.resume, run.job, viewer.owner)
                elif word == "stop":
                    await to_thread.run_sync(pool.leave, viewer.owner)
                    viewer.left = True  # only now: the page that hears it asks the pool at once
                    viewer.seen.set()
                    viewer.wake.set()


async def _first_message(websocket: WebSocket) -> str | None:
    """Who the viewer is. A token in the address would stand in the log of every proxy on the way."""
    with suppress(TimeoutError, WebSocketDisconnect, KeyError):  # KeyError: bytes
        async with asyncio.timeout(INTRODUCTION_SECONDS):
            return await websocket.receive_text()
    return None


def _message(snapshot: Snapshot, run: Run, viewer: Viewer) -> str:
    """Status for all, what holds for this viewer alone, and the charts unless they hold the picture or have it already."""
    own = {"held": viewer.owner in run.job.holding, "left": viewer.left}
    charts = "[]"
    if viewer.updates != snapshot.updates and not own["held"]:
        viewer.updates, charts = snapshot.updates, snapshot.charts
    return f'{{"status":{snapshot.status},"own":{json.dumps(own)},"charts":{charts}}}'


def route(mount_path: str, most: int, runs: Runs = RUNS) -> WebSocketRoute:
    """`…/live/{job number}/{language}`, for `most` viewers at once."""
    broadcast: Any = Broadcast(runs, most)
    return WebSocketRoute(f"{mount_path}/live/{{number:int}}/{{language}}", broadcast.endpoint)
