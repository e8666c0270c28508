"""The server's own routes: assets, compression once per file, QR codes of links to this server only."""

from __future__ import annotations

import asyncio
import gzip
import socket
from asyncio import base_events
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import anyio
import pytest
from starlette.applications import Starlette

from bnviz.ui import assets, server


@dataclass
class Answer:
    """One HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> bytes:
        """The body, unpacked."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body


class Client:
    """Speaks ASGI to the server's own routes, as a browser that reached it under class.example."""

    def __init__(self) -> None:
        self.app = Starlette(routes=server.routes(), middleware=server.middleware())

    def get(self, path: str, query: str = "", encoding: str = "gzip, br") -> Answer:
        """The answer to GET `path`?`query`."""
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(b"host", b"class.example"), (b"accept-encoding", encoding.encode())],
            "scheme": "http", "server": ("class.example", 80), "root_path": "", "http_version": "1.1",
        }  # fmt: skip
        answer = Answer(0, {}, b"")

        async def receive() -> Any:
            await anyio.sleep_forever()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {key.decode().lower(): value.decode() for key, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        anyio.run(self.app, scope, receive, send)
        return answer


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize("name", ["player.js", "chart.js", "share.js", "plotly.min.js"])
def test_javascript_comes_gzipped_and_may_be_kept_for_ever(client: Client, name: str) -> None:
    for _ in range(2):
        answer = client.get(assets.url(name))
        assert answer.status == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        path = assets.PLOTLY if name == assets.PLOTLY.name else assets.FOLDER / name
        assert answer.content == path.read_bytes()
        assert int(answer.headers["content-length"]) < 0.6 * path.stat().st_size


def test_who_cannot_unpack_gets_plain_text(client: Client) -> None:
    client.get(assets.url("player.js"))
    plain = client.get(assets.url("player.js"), encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.content == (assets.FOLDER / "player.js").read_bytes()


def test_each_file_is_compressed_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    compress = gzip.compress
    monkeypatch.setattr(server.gzip, "compress", lambda *work: calls.append(1) or compress(*work))  # type: ignore[attr-defined]
    for _ in range(3):
        client.get(assets.url("common.js"))
    assert calls == [1]


@pytest.mark.parametrize(
    "name", ["../chart.py", "%2e%2e/chart.py", ".oxlintrc.json", "icon.svg", "nothing.js", "/etc/passwd"]
)
def test_nothing_else_is_served(client: Client, name: str) -> None:
    assert client.get(f"{assets.mount_path()}/{name}").status == 404


def test_a_qr_code_is_drawn_for_links_to_this_server_only(client: Client) -> None:
    code = client.get(assets.url("qr.svg"), urlencode({"link": "http://class.example/layer?batch_size=2"}))
    assert code.status == 200
    assert code.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg xmlns=" in code.content
    for link in ("", "http://elsewhere.example/", "javascript:alert(1)", "http://class.example/" + "a" * 2000):
        assert client.get(assets.url("qr.svg"), urlencode({"link": link})).status == 400


def test_small_messages_leave_at_once_also_on_sockets_that_do_not_name_their_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nodelay() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:  # as Streamlit makes it
            listening.bind(("127.0.0.1", 0))
            async with await asyncio.start_server(meet, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname())
                found = await accepted
                writer.close()
        return found

    monkeypatch.setattr(base_events, "_set_nodelay", base_events._set_nodelay)  # to be put back
    assert not asyncio.run(nodelay())
    server.send_at_once()
    assert asyncio.run(nodelay())


def scripted(leave: bool, body: bytes = b"export{u as n};", length: int | None = None) -> tuple[int, list[Answer]]:
    """What two visitors get of an app that breaks off for one who has gone; `leave`: the first is gone at once."""
    runs: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        runs.append(1)
        told = str(len(body) if length is None else length).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/javascript"), (b"content-length", told)],
            }
        )
        await receive()
        with anyio.move_on_after(0.05):
            if (await receive())["type"] == "http.disconnect":
                await send({"type": "http.response.body", "body": b""})
                return
        await send({"type": "http.response.body", "body": body})

    once = server.CompressOnce(app)
    answers = []
    for gone in (leave, False):
        answer = Answer(0, {}, b"")

        async def receive(gone: bool = gone, asked: list[int] = []) -> Any:  # noqa: B006
            if gone:
                return {"type": "http.disconnect"}
            await anyio.sleep_forever() if asked else asked.append(1)
            return {"type": "http.request"}

        async def send(message: Any, answer: Answer = answer) -> None:
            answer.status = message.get("status", answer.status)
            answer.headers |= {key.decode(): value.decode() for key, value in message.get("headers", [])}
            answer.body += message.get("body", b"")

        scope = {"type": "http", "method": "GET", "path": "/lib.js", "headers": [(b"accept-encoding", b"gzip")]}
        anyio.run(once, scope, receive, send)
        answers.append(answer)
    return len(runs), answers


def test_a_visitor_who_leaves_does_not_leave_an_empty_file_to_all_others() -> None:
    """It happened: a page closed while it was loading, and every page of that server was blank from then on."""
    runs, answers = scripted(leave=True)
    assert answers[1].content == b"export{u as n};"
    assert runs == 1


def test_what_came_short_is_not_kept() -> None:
    runs, answers = scripted(leave=False, body=b"expo", length=15)
    assert runs == 2
    assert "content-encoding" not in answers[1].headers
