"""Static JavaScript and CSS, compressed once for all visitors."""

from __future__ import annotations

import gzip
import posixpath
from collections import OrderedDict
from typing import Final

from anyio import sleep_forever, to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COMPRESSED: Final = (".js", ".css")
PIECE: Final = 2**16  # bytes


class CompressOnce:
    """Serve static JavaScript and CSS gzipped, compressing each file at its first request only.

    Streamlit serves them uncompressed on purpose (compressing 2 MB again for every visitor costs more than it saves).
    """

    MAX_BYTES = 32 * 2**20
    """Compressed; all that Streamlit and bnviz have is 3 MiB. What was asked for longest ago makes room."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: OrderedDict[str, tuple[list[tuple[bytes, bytes]], bytes]] = OrderedDict()

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
            if not recorded.is_whole or not recorded.is_script:
                await recorded.replay(send)
                return
            body = await to_thread.run_sync(gzip.compress, bytes(recorded.body), 6)
            kept = [pair for pair in recorded.headers if pair[0].lower() not in (b"content-length", b"etag")]
            extra = [
                (b"content-encoding", b"gzip"),
                (b"vary", b"Accept-Encoding"),
                (b"content-length", str(len(body)).encode()),
            ]
            self.keep(path, kept + extra, body)
        self.kept.move_to_end(path)
        headers, body = self.kept[path]
        await _send_in_pieces(send, 200, headers, body)

    def keep(self, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Keep a compressed file; the oldest ones go where all together are more than `MAX_BYTES`."""
        self.kept[path] = headers, body
        taken = sum(len(body) for _, body in self.kept.values())
        while taken > self.MAX_BYTES and len(self.kept) > 1:
            taken -= len(self.kept.popitem(last=False)[1][1])

    @staticmethod
    def _handles(scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith(COMPRESSED):
            return False
        if posixpath.normpath(scope["path"]) != scope["path"]:  # /a//b.js and /a/./b.js are other names of /a/b.js
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
        length = dict(self.headers).get(b"content-length", b"")
        return self.status == 200 and length == str(len(self.body)).encode()

    @property
    def is_script(self) -> bool:
        kind = dict(self.headers).get(b"content-type", b"")
        return kind.split(b";")[0] in (b"text/javascript", b"application/javascript", b"text/css")

    async def replay(self, send: Send) -> None:
        await _send_in_pieces(send, self.status, self.headers, bytes(self.body))


async def _send_in_pieces(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send an answer so that what a visitor does not take yet is one piece of it at most: the connection keeps a copy."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for begin in range(0, len(body), PIECE):
        await send({"type": "http.response.body", "body": body[begin : begin + PIECE], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
