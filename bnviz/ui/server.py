"""What `app.py` is made of: asset routes, compression once per file, and warm-up before the first visitor."""

from __future__ import annotations

import gc
import gzip
import importlib
import io
import socket
import threading
from asyncio import base_events
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import segno
from anyio import sleep_forever, to_thread
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bnviz.teaching.lab import AnyTopic, InstantTopic, LiveTopic
from bnviz.ui import assets, broadcast, cache
from bnviz.ui.runs import RUNS

FRAME: Final = Path(__file__).parent / "frame.py"
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
COMPRESSED: Final = (".js", ".css")
LONGEST_LINK: Final = 1500


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    path = assets.PLOTLY if name == assets.PLOTLY.name else assets.FOLDER / name
    if path.suffix != ".js" or not path.is_file():
        return Response(status_code=404)
    return FileResponse(path, media_type="text/javascript", headers=FOR_EVER)


async def _qr_code(request: Request) -> Response:
    """The QR code of a link to this server, drawn when a visitor opens the Share panel."""
    link = request.query_params.get("link", "")
    if len(link) > LONGEST_LINK or urlsplit(link).netloc != request.url.netloc:
        return Response(status_code=400)
    image = io.BytesIO()
    await to_thread.run_sync(lambda: segno.make(link, error="l").save(image, kind="svg", scale=4, border=2))
    return Response(image.getvalue(), media_type="image/svg+xml", headers=FOR_EVER)


def routes() -> list[BaseRoute]:
    """Our JavaScript and Plotly's under a path that changes with their content, QR codes of links, and long runs as they go."""
    return [
        Route(f"{assets.mount_path()}/qr.svg", _qr_code),
        broadcast.route(assets.mount_path()),
        Route(f"{assets.mount_path()}/{{name}}", _asset),
    ]


class CompressOnce:
    """Serve static JavaScript and CSS gzipped, compressing each file at its first request only.

    Streamlit serves them uncompressed on purpose (compressing 2 MB again for every visitor costs more than it saves).
    """

    LIMIT = 400

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if not self._handles(scope):
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path not in self.kept:
            recorded = _Recorder()
            # Streamlit compresses what our own routes answer; asked for plain text, it leaves that to us.
            plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            await self.app({**scope, "headers": plain}, _never_leaving(), recorded)
            if not recorded.is_whole or not recorded.is_script or len(self.kept) >= self.LIMIT:
                await recorded.replay(send)
                return
            body = await to_thread.run_sync(gzip.compress, bytes(recorded.body), 6)
            kept = [pair for pair in recorded.headers if pair[0].lower() not in (b"content-length", b"etag")]
            extra = [
                (b"content-encoding", b"gzip"),
                (b"vary", b"Accept-Encoding"),
                (b"content-length", str(len(body)).encode()),
            ]
            self.kept[path] = (kept + extra, body)
        headers, body = self.kept[path]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @staticmethod
    def _handles(scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith(COMPRESSED):
            return False
        headers = dict(scope["headers"])
        return b"gzip" in headers.get(b"accept-encoding", b"") and b"range" not in headers


def _never_leaving() -> Receive:
    """What a visitor sends who asks once and stays.

    The file is recorded for all visitors. If the one who asked first went away, the app would break off, and an empty file would be
    kept: a blank page for everybody, and for a year in their browsers.
    """
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await sleep_forever()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


class _Recorder:
    """Keeps one response instead of sending it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    @property
    def is_whole(self) -> bool:
        """Whether all of the file has come, of which the length was told first."""
        told = dict(self.headers).get(b"content-length", b"")
        return self.status == 200 and told == str(len(self.body)).encode()

    @property
    def is_script(self) -> bool:
        kind = dict(self.headers).get(b"content-type", b"")
        return kind.split(b";")[0] in (b"text/javascript", b"application/javascript", b"text/css")

    async def replay(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": bytes(self.body)})


def middleware() -> list[Middleware]:
    """Compression of static files."""
    return [Middleware(CompressOnce)]


def send_at_once() -> None:
    """Let every message leave at once.

    asyncio switches Nagle's algorithm off only for sockets that name their protocol, and the one that Streamlit listens on
    does not. A rerun is dozens of small messages; each would wait until the browser has acknowledged the one before, which
    it may put off for 40 ms (Linux) or 200 (Windows).
    """

    def set_nodelay(connection: socket.socket) -> None:
        if connection.family in {socket.AF_INET, socket.AF_INET6} and connection.type == socket.SOCK_STREAM:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    base_events._set_nodelay = set_nodelay  # type: ignore[attr-defined]


def warming(
    course: Callable[[], Sequence[AnyTopic]],
) -> Callable[[object], AbstractAsyncContextManager[dict[str, Any]]]:
    """The server's lifespan: every instant topic runs once, so that the first visitor does not wait for it; live ones get their workers."""

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[dict[str, Any]]:
        send_at_once()
        topics = course()
        for topic in topics:
            if isinstance(topic, InstantTopic):
                cache.result(topic, topic.opening, None)
        importlib.import_module("bnviz.ui.lab")  # and pandas with it
        # What was imported stays: collections that go through it again stop every visitor for a third of a second.
        gc.collect()
        gc.freeze()
        if any(isinstance(topic, LiveTopic) for topic in topics):
            threading.Thread(target=lambda: RUNS.pool, daemon=True, name="bnviz-warm-up").start()
        try:
            yield {}
        finally:
            RUNS.close()

    return lifespan


def _course() -> Sequence[AnyTopic]:
    from bnviz.labs.course import TOPICS  # imports every lab, and PyTorch

    return TOPICS


warm_up: Final = warming(_course)
