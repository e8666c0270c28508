"""Names under which a server lets itself be asked."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from starlette.types import Message

from bnviz.ui.server import hosts
from bnviz.ui.server.hosts import KnownHosts

HERE, NETWORK = ("127.0.0.1", 8501), ("192.0.2.7", 8501)


def answer(kind: str = "websocket", server: tuple[str, int | None] = HERE, **told: str) -> str:
    """What becomes of a connection that arrives at `server`, with the headers `told`: "in", or how it is refused."""
    heard: list[Message] = []
    inside: list[str] = []

    async def app(*_: object) -> None:
        inside.append("in")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        heard.append(message)

    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in told.items()]
    scope: dict[str, Any] = {"type": kind, "path": "/", "headers": headers, "server": server}
    asyncio.run(KnownHosts(app)(scope, receive, send))
    if inside:
        return "in"
    first = heard[0]
    return str(first.get("status") or first["code"])


@pytest.mark.parametrize("server", [HERE, ("::1", 8501), ("127.0.1.1", 8501)])
@pytest.mark.parametrize(
    "host", ["evil.example:8501", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1"]
)
def test_a_name_that_somebody_let_lead_to_this_machine_is_refused(host: str, server: tuple[str, int]) -> None:
    assert answer(server=server, host=host, origin=f"http://{host}") == "1008"
    assert answer("http", server, host=host) == "403"


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8501",
        "LOCALHOST",
        "localhost.:9000",
        "bnviz.localhost",
        "127.0.0.1:8501",
        "[::1]:8501",
        "192.0.2.7:8501",
        socket.gethostname(),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_leads_here_by_itself_is_let_in(host: str, kind: str) -> None:
    assert answer(kind, host=host) == "in"


def test_who_names_no_host_is_no_browser() -> None:
    assert answer("http") == "in"


@pytest.mark.parametrize("mark", ["x_forwarded_for", "x_forwarded_proto", "forwarded", "via"])
def test_a_proxy_on_this_machine_passes_its_own_name_on(mark: str) -> None:
    assert answer(host="lab.school.edu", **{mark: "1"}) == "in"


def test_what_counts_is_the_name_that_the_browser_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hosts.HOSTS, "lab.school.edu")
    assert answer(host="10.0.0.1:8501", x_forwarded_host="lab.school.edu, inner") == "in"
    assert answer(host="10.0.0.1:8501", x_forwarded_host="evil.example") == "1008"


@pytest.mark.parametrize("server", [NETWORK, ("/run/bnviz.sock", None), None])
def test_over_the_network_any_name_may_lead_here(server: Any) -> None:
    assert answer(server=server, host="pc17:8501") == "in"


def test_where_the_names_are_told_no_other_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hosts.HOSTS, "Lab.School.edu, pc17")
    for server in (HERE, NETWORK):
        assert answer(server=server, host="lab.school.edu:8501") == "in"
        assert answer(server=server, host="pc17") == "in"
        assert answer(server=server, host="localhost:8501") == "in"
        assert answer(server=server, host="pc18") == "1008"
        assert answer(server=server, host="evil.example", x_forwarded_for="1") == "1008"
