"""How much one session may put into the server's memory, beside the bound that Streamlit has on each file."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime

SESSION_BYTES: Final = 8 * 2**20
SERVER_BYTES: Final = 256 * 2**20
UPLOADS: Final = "/_stcore/upload_file/"


class UploadQuota:
    """Counts what is put, until it is deleted or its session is over."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: OrderedDict[str, dict[str, int]] = OrderedDict()
        """Bytes by session and file."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or UPLOADS not in scope["path"] or scope["method"] not in {"PUT", "DELETE"}:
            await self.app(scope, receive, send)
            return
        session, _, file = scope["path"].partition(UPLOADS)[2].partition("/")
        put = scope["method"] == "PUT"
        told = Headers(scope=scope).get("content-length", "")
        if put and not told.isdecimal():  # browsers tell it
            await PlainTextResponse("length required", status_code=411)(scope, receive, send)
            return
        if put and not self._fits(session, file, int(told)):
            await PlainTextResponse("too many files", status_code=413)(scope, receive, send)
            return
        before = self.kept.get(session, {}).get(file, 0)
        if put:
            self.kept.setdefault(session, {})[file] = int(told)
        answered = 0

        async def listening(message: Message) -> None:
            nonlocal answered
            answered = message.get("status", answered)
            await send(message)

        try:
            await self.app(scope, receive, listening)
        finally:
            if put and not 200 <= answered < 300:
                self._set(session, file, before)
            elif not put and 200 <= answered < 300:
                self._set(session, file, 0)

    def _fits(self, session: str, file: str, size: int) -> bool:
        own = self.kept.get(session, {})
        if sum(own.values()) - own.get(file, 0) + size > SESSION_BYTES:
            return False
        if self._total() + size > SERVER_BYTES:
            for other in [other for other in self.kept if not _is_here(other)]:
                del self.kept[other]
        return self._total() + size <= SERVER_BYTES

    def _total(self) -> int:
        return sum(sum(files.values()) for files in self.kept.values())

    def _set(self, session: str, file: str, size: int) -> None:
        files = self.kept.get(session, {})
        files.pop(file, None)
        if size:
            files[file] = size
        if not files:
            self.kept.pop(session, None)


def _is_here(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)
