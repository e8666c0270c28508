"""A burst of connections."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bnviz.ui.places import Places
from bnviz.ui.server.sockets import AT_ONCE
from bnviz.ui.server.whole_requests import WholeRequests
from tests.serving import served

BURST = 8 * AT_ONCE
PLACES = 10
PATIENCE_S = 20.0


class Counted(WholeRequests):
    """Knows how many of them there are, and how many there were at most."""

    now = most = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        Counted.now += 1
        Counted.most = max(Counted.most, Counted.now)

    def connection_lost(self, exc: Exception | None) -> None:
        Counted.now -= 1
        super().connection_lost(exc)


def test_who_comes_in_a_burst_waits_at_the_door_and_not_in_open_files_until_they_are_refused() -> None:
    go_on = threading.Event()

    async def busy(request: Request) -> PlainTextResponse:
        """Keep the event loop until all have come."""
        assert go_on.wait(PATIENCE_S)
        return PlainTextResponse("over")

    app = Starlette(routes=[Route("/", busy)])
    with served(app, http=partial(Counted, places=Places(PLACES))) as port, ExitStack() as open_ones:
        others = [socket.create_connection(("127.0.0.1", port), PATIENCE_S, ("127.0.0.2", 0)) for _ in range(2)]
        for one in others:
            open_ones.enter_context(closing(one))
        others[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(BURST):  # each is taken by the system although the server does nothing
            open_ones.enter_context(closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)))
        go_on.set()
        assert others[0].recv(15) == b"HTTP/1.1 200 OK"
        last = open_ones.enter_context(
            closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S, ("127.0.0.2", 0)))
        )
        last.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert last.recv(15) == b"HTTP/1.1 200 OK"
        assert Counted.most <= PLACES + 3 * AT_ONCE
