"""A bound on the files that visitors put to the server: Streamlit keeps them in memory, as many as are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from bnviz.classroom.limits import network
from bnviz.jobs.shares import fits
from bnviz.ui.places import address_of

UPLOAD: Final = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)/?$")
# Bytes of one request: a recording's 4 MB and what is around them. Streamlit itself ends those that are larger than their uploader takes.
LARGEST: Final = 4 * 2**20 + 2**16
# Of one session. Streamlit keeps the file of a page that was left, so an honest visit has more than one for each page.
FILES_OF_ONE: Final = 30
BYTES_OF_ONE: Final = 12 * 2**20
BYTES_OF_ALL: Final = 300 * 2**20
Stored = Callable[[], Mapping[str, Mapping[str, int]]]


def stored_by_streamlit() -> Mapping[str, Mapping[str, int]]:
    """The bytes of every file that Streamlit keeps, by session and file; a session's files go with it."""
    from streamlit.runtime import Runtime
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

    if not Runtime.exists():
        return {}
    manager = Runtime.instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    # Copies, each made in one step: other threads put files in.
    return {
        session: {file: len(kept.data) for file, kept in list(files.items())}
        for session, files in list(manager.file_storage.items())
    }


@dataclass(frozen=True, slots=True)
class _Coming:
    """A file on its way."""

    session: str
    file: str
    bytes: int
    """As announced, or the most that it may have."""


class UploadQuota:
    """ASGI middleware that refuses (413) a file with which its session, or all sessions together, would have too much.

    One session may have `files_of_one` files and `bytes_of_one` bytes, all together `bytes_of_all`, of which the sessions of one
    address leave something to others. What is on its way counts as if it were there. A file that replaces one of its own name does
    not count twice.
    """

    def __init__(
        self,
        app: ASGIApp,
        files_of_one: int = FILES_OF_ONE,
        bytes_of_one: int = BYTES_OF_ONE,
        bytes_of_all: int = BYTES_OF_ALL,
        stored: Stored = stored_by_streamlit,
    ) -> None:
        self.app = app
        self.files_of_one, self.bytes_of_one, self.bytes_of_all = files_of_one, bytes_of_one, bytes_of_all
        self.stored = stored
        # On its way, too, a file is kept in memory: where it is bounded, and where no disk is needed.
        MultiPartParser.spool_max_size = LARGEST
        self.coming: list[_Coming] = []
        self.addresses: dict[str, str] = {}
        """From where each session that has a file sent its last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        asked = UPLOAD.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if asked is None:
            await self.app(scope, receive, send)
            return
        coming = _Coming(asked["session"], asked["file"], _announced(scope))
        address = network(address_of(scope))
        if not self._has_room(coming, address):
            await _refuse(send)
            return
        self.coming.append(coming)
        self.addresses[coming.session] = address
        try:
            with suppress(ClientDisconnect):  # who leaves in the middle of a file is no fault of the server's
                await self.app(scope, receive, send)
        finally:
            self.coming.remove(coming)

    def _has_room(self, coming: _Coming, address: str) -> bool:
        stored = self.stored()
        there = {*stored, *(other.session for other in self.coming)}
        self.addresses = {session: known for session, known in self.addresses.items() if session in there}
        own = stored.get(coming.session, {})
        on_the_way = [other for other in self.coming if other.session == coming.session]
        files = {*own, *(other.file for other in on_the_way), coming.file}
        more = coming.bytes - own.get(coming.file, 0)
        of_one = sum(own.values()) + sum(other.bytes for other in on_the_way) + more
        taken = [(session, sum(kept.values())) for session, kept in stored.items()]
        taken += [(other.session, other.bytes) for other in self.coming]
        of_address = sum(count for session, count in taken if self.addresses.get(session, "") == address)
        room = fits(more, of_address, sum(count for _, count in taken), self.bytes_of_all)
        return len(files) <= self.files_of_one and of_one <= self.bytes_of_one and room


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return min(int(length), LARGEST) if length.isdigit() and len(length) < 12 else LARGEST


async def _refuse(send: Send) -> None:
    """Without reading what was sent: the connection ends with the answer."""
    body = b"Too many files: remove one first, or try again later."
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
