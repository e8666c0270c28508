"""How much of everything one server takes: visitors, questions, messages, open files."""

from __future__ import annotations

import logging
import os
import time
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from bnviz.classroom.limits import Bucket, Rate
from bnviz.i18n import N_, choose_language, translator
from bnviz.ui import assets
from bnviz.ui.places import Places, address_of
from bnviz.ui.server.sockets import AT_ONCE
from bnviz.ui.server.upload_quota import FILES_OF_ONE

VISITORS: Final = "BNVIZ_VISITORS"
"""Environment variable: how many visitors there may be at once."""
MAX_VISITORS: Final = 500
OWN_FILES: Final = 200
FILES_PER_VISITOR: Final = 8
"""Four for each visitor, and as many of those who have left, until Python collects them."""
WANTED_FILES: Final = 65536
CONNECTIONS_PER_VISITOR: Final = 8
"""A browser keeps six to one server, and takes them up again for what comes later."""
LONGEST_PATH: Final = 1000
LONGEST_QUERY: Final = 8192
MAX_KEYS: Final = 200
LARGEST_MESSAGE: Final = 2**20
"""Bytes that a browser sends at once; files come another way. A page with every widget moved sends a few thousand."""
MESSAGES: Final = Rate(300, 150)
"""Of one connection. A slider under a hand sends as many a second as the screen has pictures: 144 on a fast one."""
CLOSED: Final = ("/_stcore/metrics", "/_stcore/agent/", "/_stcore/script-health-check")
STREAM: Final = "/_stcore/stream"
TOO_BIG, TRY_LATER, FLOOD = 1009, 1013, 1008

FULL: Final = N_("This server has as many visitors as it can take. Please try again in a minute.")
LONG_LINK: Final = N_("This link is longer than any that bnviz makes.")

log = logging.getLogger(__name__)


def raise_file_limit() -> int:
    """Ask for as many open files as the system grants; how many there may be now."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return WANTED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return WANTED_FILES if soft == resource.RLIM_INFINITY else soft


def most_visitors() -> int:
    """What the environment says, or as many as there are files for."""
    visitors = os.environ.get(VISITORS, "")
    if visitors.isdecimal() and int(visitors) > 0:
        return int(visitors)
    return max(1, min(MAX_VISITORS, (raise_file_limit() - OWN_FILES) // FILES_PER_VISITOR))


def most_connections() -> int:
    """How many there may be that wait for a question or an answer: half of the files at most, the other half is the visitors'.

    As many as may have come before the first of them is looked at and refused are left out: for an instant those are open too.
    """
    files = raise_file_limit() - OWN_FILES - 4 * AT_ONCE
    return max(1, min(CONNECTIONS_PER_VISITOR * most_visitors(), files // 2))


class Limits:
    """Refuses, with a sentence, what would be too much, before Streamlit sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.visitors = Places(most_visitors())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        path = scope["path"].removeprefix(assets.base_path())
        _ = translator(choose_language(None, Headers(scope=scope).get("accept-language", "")[:2]))
        if path.startswith(CLOSED):
            return PlainTextResponse("not found", 404)
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # Where a proxy went by the other of the two, the rest would be somebody else's request (RFC 9112, 6.3).
            return PlainTextResponse("two lengths", 400, {"Connection": "close"})
        query = scope["query_string"]
        if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY or query.count(b"&") >= MAX_KEYS:
            return PlainTextResponse(_(LONG_LINK), 414)
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        if wants_page and not self.visitors.has_room(address_of(scope)):
            return PlainTextResponse(_(FULL), 503, {"Retry-After": "60", "Cache-Control": "no-store"})
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One visitor, or one who looks at a run."""
        messages = Bucket(MESSAGES, time.monotonic())
        streaming = scope["path"].endswith(STREAM)

        async def bounded() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                if messages.take(time.monotonic()):
                    # Without a farewell: whoever is told the end may go on sending until they answer, and the server goes on reading.
                    return {"type": "websocket.disconnect", "code": FLOOD}
                content = message.get("bytes") or (message.get("text") or "").encode(errors="replace")
                if len(content) > LARGEST_MESSAGE or (streaming and _wants_many_files(content)):
                    await send({"type": "websocket.close", "code": TOO_BIG})
                    return {"type": "websocket.disconnect", "code": TOO_BIG}
            return message

        if len(scope["path"]) > LONGEST_PATH:
            await receive()
            await send({"type": "websocket.close", "code": TOO_BIG})
            return
        if not streaming:
            await self.app(scope, bounded, send)
            return
        address = address_of(scope)
        if not self.visitors.take(address):
            log.warning("%s visitors are here already; one more from %s was not let in", self.visitors.taken, address)
            await receive()
            await send({"type": "websocket.close", "code": TRY_LATER})
            return
        try:
            await self.app(scope, bounded, send)
        finally:
            self.visitors.leave(address)


def _wants_many_files(content: bytes) -> bool:
    """Whether a browser's message asks for addresses to put more files to than one visit may have.

    Streamlit makes them all at once, on the event loop: for 200,000 names, which take 600 kB, in ten seconds.
    """
    try:
        return len(BackMsg.FromString(content).file_urls_request.file_names) > FILES_OF_ONE
    except Exception:  # whatever protobuf says of it: it is Streamlit's to refuse
        return False
