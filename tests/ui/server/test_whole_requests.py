"""Requests that never end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

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


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that says how many bytes it got."""

    async def count(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    async def echo(line: WebSocket) -> None:
        await line.accept()
        await line.send_text(await line.receive_text())
        await line.close()

    patience = pytest.MonkeyPatch()
    patience.setattr(whole_requests, "WHOLE_SECONDS", 0.1)
    app = Starlette(routes=[Route("/", count, methods=["GET", "PUT"]), WebSocketRoute("/line", echo)])
    with served(app, http=WholeRequests) as port:
        yield port
    patience.undo()


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
