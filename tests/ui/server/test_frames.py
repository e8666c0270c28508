"""Frames that no message comes of: pings, answers to nobody, parts without an end."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.sync.client import connect

from bnviz.ui.server.frames import FRAMES, BoundedFrames
from tests.serving import served

PATIENCE_S = 20.0
MASKED = b"\x80\0\0\0\0"
"""An empty frame's length and mask."""
FLOODS = {
    "pings": (b"", b"\x89" + MASKED),
    "pongs": (b"", b"\x8a" + MASKED),
    "parts": (b"\x01" + MASKED, b"\x00" + MASKED),
    "messages": (b"", b"\x81" + MASKED),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that says back what it hears."""

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(await websocket.receive_text())

    with served(Starlette(routes=[WebSocketRoute("/", echo)]), ws=BoundedFrames) as port:
        yield port


@contextmanager
def joined(port: int) -> Iterator[socket.socket]:
    """A WebSocket of which every byte is one's own."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {"Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        lines = [f"{name}: {value}" for name, value in (asked | {"Sec-WebSocket-Key": key}).items()]
        connection.sendall("\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode())
        assert b" 101 " in connection.recv(4096)
        yield connection


@pytest.mark.parametrize(
    "request_",
    [b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200],
    ids=["line", "headers"],
)
def test_who_asks_for_a_websocket_in_more_words_than_are_read_is_not_waited_for(port: int, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(request_ + b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def is_ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection rather than go on answering."""
    heard = 0
    try:
        while (more := connection.recv(2**16)) and heard < 2**20:
            heard += len(more)
    except ConnectionResetError:
        return True
    return not more


@pytest.mark.parametrize("kind", FLOODS)
def test_more_frames_than_a_browser_sends_end_the_connection(port: int, kind: str) -> None:
    begin, frame = FLOODS[kind]
    with joined(port) as connection:
        with suppress(ConnectionError):
            connection.sendall(begin + frame * int(3 * FRAMES.burst))
        assert is_ended(connection)
    with connect(f"ws://127.0.0.1:{port}/") as other:
        other.send("still there")
        assert other.recv(PATIENCE_S) == "still there"


def test_a_long_message_and_one_in_parts_pass(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as connection:
        for text in ("é" * 200_000, *map(str, range(50))):
            connection.send(iter(text) if len(text) < 10 else text)
            assert connection.recv(PATIENCE_S) == text
