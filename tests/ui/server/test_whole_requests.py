"""Requests that never end."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from bnviz.ui.places import Places
from bnviz.ui.server import whole_requests
from bnviz.ui.server.whole_requests import WholeRequests
from tests.serving import served

PATIENCE_S = 20.0
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BEGINNINGS = {
    "nothing": b"",
    "half a line": b"GET /",
    "half the headers": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "half a file": b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
    "half a second question": WHOLE + b"GET / HTTP/1.1\r\nHost",
}


class SmallBuffers(WholeRequests):
    """The system takes next to nothing of an answer before the visitor does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        super().connection_made(transport)


@contextmanager
def serving(places: Places, **seconds: float) -> Iterator[int]:
    """A server that says how many bytes it got; how patient it is, in `seconds`."""

    async def count(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    async def echo(line: WebSocket) -> None:
        await line.accept()
        await line.send_text(await line.receive_text())
        await line.close()

    patience = pytest.MonkeyPatch()
    for name in ("WHOLE_SECONDS", "SILENT_SECONDS", "UNREAD_SECONDS"):
        patience.setattr(whole_requests, name, seconds.get(name, PATIENCE_S))

    async def many(request: Request) -> PlainTextResponse:
        return PlainTextResponse(bytes(request.path_params["count"]))

    async def pieces(request: Request) -> StreamingResponse:
        return StreamingResponse(iter([bytes(2000)] * 20))

    app = Starlette(
        routes=[
            Route("/", count, methods=["GET", "PUT"]),
            Route("/bytes/{count:int}", many),
            Route("/pieces", pieces),
            WebSocketRoute("/line", echo),
        ]
    )
    with served(app, http=partial(SmallBuffers, places=places)) as port:
        yield port
    patience.undo()


@pytest.fixture(scope="module", params=["WHOLE_SECONDS", "SILENT_SECONDS"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server that waits hardly at all for the whole of a request, or for its next part."""
    with serving(Places(50), **{request.param: 0.1}) as port:
        yield port


def heard(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection. Raises TimeoutError where it does not."""
    told = b""
    try:
        while more := connection.recv(2**16):
            told += more
    except ConnectionResetError:
        pass
    return told


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_who_begins_a_request_and_does_not_end_it_is_not_waited_for(port: int, kind: str) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as connection:
        connection.sendall(BEGINNINGS[kind])
        assert heard(connection).count(b"0 bytes") == (kind == "half a second question")


def test_a_websocket_stays_for_longer_than_a_request_is_waited_for(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/line") as line:
        with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as later:
            assert heard(later) == b""  # who came after it is no longer waited for
        line.send("still there")
        assert line.recv(PATIENCE_S) == "still there"


def test_whole_requests_are_answered_one_after_the_other(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as connection:
        connection.sendall(WHOLE + b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        told = heard(connection)
    assert b"0 bytes" in told
    assert b"3 bytes" in told


def until(happened: Callable[[], bool]) -> None:
    """Wait for it."""
    for _ in range(2000):
        if happened():
            return
        time.sleep(0.01)
    raise TimeoutError


def drip(connection: socket.socket) -> None:
    """Send one byte after the other, for as long as they are taken."""
    for _ in range(1000):
        connection.sendall(b"a")
        time.sleep(0.01)


def test_a_file_that_comes_drop_by_drop_is_waited_for_as_long_as_one_request_may_take() -> None:
    places = Places(50)
    with (
        serving(places, WHOLE_SECONDS=0.3, SILENT_SECONDS=PATIENCE_S) as port,
        closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as connection,
    ):
        connection.sendall(BEGINNINGS["half a file"])
        with pytest.raises(OSError, match=r"pipe|reset"):
            drip(connection)
        until(lambda: places.taken == 0)


BROKEN_CHUNK = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"


@pytest.mark.parametrize(
    ("sent", "answers"),
    [(BROKEN_CHUNK, []), (b"nonsense\r\n\r\n", [b"400"]), (WHOLE + b"nonsense\r\n\r\n", [b"200", b"400"])],
)
def test_what_is_no_http_is_told_unless_an_answer_is_being_made(sent: bytes, answers: list[bytes]) -> None:
    """Two answers to one request would be one to somebody else's, behind a proxy."""
    with serving(Places(50)) as port, closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as connection:
        connection.sendall(sent)
        assert re.findall(rb"HTTP/1.1 (\d+)", heard(connection)) == answers


@contextmanager
def asked(port: int, what: bytes) -> Iterator[socket.socket]:
    """A visitor who has asked and takes next to nothing of the answer before it is read."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", port))
        connection.sendall(WHOLE.replace(b"/", what, 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        yield connection


@pytest.mark.parametrize("count", [50_000, 5_000_000])
def test_who_does_not_take_an_answer_is_not_waited_for(count: int) -> None:
    places = Places(50)
    with serving(places, UNREAD_SECONDS=0.2) as port, asked(port, b"/bytes/%d" % count):
        until(lambda: places.taken == 1)
        until(lambda: places.taken == 0)


def test_who_takes_an_answer_slowly_gets_all_of_it() -> None:
    places = Places(50)
    with serving(places, UNREAD_SECONDS=2.0) as port, asked(port, b"/pieces") as connection:
        told = b""
        while more := connection.recv(500):
            told += more
            time.sleep(0.03)
        assert told.count(b"\0") == 40_000


def test_one_address_does_not_take_all_places_and_others_still_get_in() -> None:
    places = Places(20)
    with serving(places) as port, ExitStack() as open_ones:
        for number in range(30):
            place = open_ones.enter_context(closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)))
            until(lambda number=number: places.taken == min(number + 1, 16))  # type: ignore[misc]
        assert heard(place) == b""  # the last ones were hung up on
        # The loopback network has many addresses.
        other = socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=("127.0.0.2", 0))
        with closing(other):
            other.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert b"0 bytes" in heard(other)
    assert places.taken == 0


def test_a_websocket_gives_its_place_back() -> None:
    places = Places(2)
    with serving(places) as port, connect(f"ws://127.0.0.1:{port}/line") as line:
        until(lambda: places.taken == 0)
        line.send("here")
        assert line.recv(PATIENCE_S) == "here"
