"""The server's own routes: assets, compression once per file, QR codes of links to this server only."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import anyio
import pytest
import streamlit
import websockets
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.servers import free_port
from bnviz.ui import assets, share
from bnviz.ui.server import bounded_log, compression, headers, limits, sockets
from bnviz.ui.server.application import middleware
from bnviz.ui.server.bounded_log import BoundedLog
from bnviz.ui.server.compression import CompressOnce
from bnviz.ui.server.limits import Limits
from bnviz.ui.server.origin import SameOrigin
from bnviz.ui.server.routes import routes
from bnviz.ui.server.serve import SETTINGS, options
from tests.serving import until_healthy
from tests.waiting import wait


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
        self.app = Starlette(routes=routes(), middleware=middleware())

    def get(self, path: str, query: str = "", encoding: str = "gzip, br", **more: str) -> Answer:
        """The answer to GET `path`?`query`."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", more.pop("host", "class.example").encode()),
                (b"accept-encoding", encoding.encode()),
                *((name.encode(), value.encode()) for name, value in more.items()),
            ],
            "scheme": "http",
            "server": ("class.example", 80),
            "root_path": "",
            "http_version": "1.1",
        }
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


@pytest.mark.parametrize("name", ["player.js", "chart.js", "share.js", "plotly-cartesian.min.js"])
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
    monkeypatch.setattr(compression.gzip, "compress", lambda *work: calls.append(1) or compress(*work))  # type: ignore[attr-defined]
    for _ in range(3):
        client.get(assets.url("common.js"))
    assert calls == [1]


@pytest.mark.parametrize(
    "name",
    [
        "../chart.py",
        "%2e%2e/chart.py",
        ".oxlintrc.json",
        "icon.svg",
        "nothing.js",
        "/etc/passwd",
        "a" * 400,
        "chart.js/more",
    ],
)
def test_nothing_else_is_served(client: Client, name: str) -> None:
    assert client.get(f"{assets.mount_path()}/{name}").status == 404


def test_a_qr_code_is_drawn_for_links_to_this_server_only(client: Client) -> None:
    code = client.get(assets.url("qr.svg"), urlencode({"link": "http://class.example/layer?batch_size=2"}))
    assert code.status == 200
    assert code.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg xmlns=" in code.content
    for link in (
        "",
        "http://elsewhere.example/",
        "javascript:alert(1)",
        "javascript://class.example/%0aalert(1)",
        "ftp://class.example/",
        "http://class.example/" + "a" * 2000,
        "http://[::1",
        "http://class.example\u2100/",
        "http://class.example/" + "批" * 600,
        "http://class.example/\x00",
    ):
        assert client.get(assets.url("qr.svg"), urlencode({"link": link})).status == 400


def test_a_qr_code_may_name_this_computers_address_in_its_network_where_the_page_was_opened_as_localhost(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "reachable_address", lambda: "192.0.2.7")
    link = urlencode({"link": "http://192.0.2.7:8501/layer"})
    assert client.get(assets.url("qr.svg"), link, host="localhost:8501").status == 200
    assert client.get(assets.url("qr.svg"), link, host="[::1]:8501").status == 200
    assert client.get(assets.url("qr.svg"), link, host="class.example:8501").status == 400
    assert (
        client.get(
            assets.url("qr.svg"), urlencode({"link": "http://192.0.2.8:8501/layer"}), host="localhost:8501"
        ).status
        == 400
    )
    assert client.get(assets.url("qr.svg"), link, host="[::1").status == 400


def test_an_asset_of_an_earlier_version_is_not_there(client: Client) -> None:
    assert client.get(f"/bnviz/{'0' * 12}/chart.js").status == 404


@pytest.mark.parametrize("name", ["a" * 300 + ".js", "%00.js", "\0.js", "../lab.py", "a/../../lab.py"])
def test_a_name_that_no_file_may_have_is_not_there(client: Client, name: str) -> None:
    """A file system refuses more than 255 characters, and a zero among them, with errors of its own."""
    assert client.get(assets.url("chart.js").replace("chart.js", name)).status == 404


@pytest.fixture
def school() -> Iterator[None]:
    """A server that shares its address with others."""
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/school/")
    yield
    config.set_option("server.baseUrlPath", before)


@pytest.mark.usefixtures("school")
def test_under_a_base_path_everything_is_where_the_page_looks_for_it() -> None:
    client = Client()
    assert assets.url("chart.js").startswith("/school/bnviz/")
    assert client.get(assets.url("chart.js")).status == 200
    assert client.get(assets.url("qr.svg"), urlencode({"link": "http://class.example/school/layer"})).status == 200
    assert client.get(f"{assets.mount_path()}/chart.js").status == 404
    assert client.get("/school/bnviz/0/chart.js").status == 404
    assert client.get("/school/_stcore/metrics").content == b"not found"


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize(
    ("path", "query", "leads_to"),
    [
        ("/", "", "/school/"),
        ("/layer", "batch_size=8&lang=zh", "/school/layer?batch_size=8&lang=zh"),
        ("/schools", "", "/school/schools"),
        ("//evil.example/", "", "/school/evil.example/"),
        ("/school/layer", "batch_size=8", None),
        ("/school", "", None),
    ],
)
def test_a_page_asked_for_outside_the_base_path_is_found_inside(path: str, query: str, leads_to: str | None) -> None:
    page = Client().get(path, query, accept="text/html,*/*")
    assert (page.status, page.headers.get("location")) == ((307, leads_to) if leads_to else (404, None))
    assert Client().get(path, query, accept="*/*").status == 404


def test_a_server_with_an_address_of_its_own_leads_nowhere(client: Client) -> None:
    assert client.get("/layer", accept="text/html").status == 404


def test_every_answer_has_its_headers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (assets.url("chart.js"), "/nothing", "/_stcore/metrics"):
        told = client.get(path).headers
        policy = dict(part.split(" ", 1) for part in told["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'self'"
        assert "unsafe" not in policy["script-src"]
        assert (told["x-content-type-options"], told["referrer-policy"]) == ("nosniff", "same-origin")
    monkeypatch.setenv(headers.FRAME_ANCESTORS, "'self' https://moodle.example; script-src *\n")
    assert "frame-ancestors 'self' https://moodle.example script-src *" in headers.content_security_policy(
        headers.frame_ancestors()
    )


MODULES = [path.name for path in assets.FOLDER.glob("*.js")]


@pytest.mark.parametrize(
    ("path", "status", "kind", "told"),
    [
        ("/layer", 200, b"text/html; charset=utf-8", MODULES),
        ("/r1/modes/", 200, b"text/html; charset=utf-8", [*MODULES, assets.PLOTLY.name]),
        ("/", 304, b"", MODULES),
        ("/modes", 200, b"text/plain", []),
    ],
)
def test_a_page_says_which_modules_it_will_need(path: str, status: int, kind: bytes, told: list[str]) -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)] * bool(kind)})

    heard: list[Message] = []

    async def hear(message: Message) -> None:
        heard.append(message)

    asyncio.run(headers.SecurityHeaders(page)({"type": "http", "path": path}, Mock(), hear))
    links = Headers(raw=heard[0]["headers"]).get("link", "")
    named = set(re.findall("<([^>]*)>; rel=modulepreload", links))
    of_streamlit = headers.streamlit_modules() if told else ()
    assert named == {*(assets.url(name) for name in told), *of_streamlit}


def test_modules_of_streamlit_are_where_the_page_will_ask_for_them() -> None:
    page = Path(streamlit.__file__).parent / "static"
    names = {name.partition(".")[0].rpartition("/")[2] for name in headers.streamlit_modules()}
    assert set(headers.PARTS) - {"Html"} <= names  # Html itself is small: of it only what it imports is named
    itself = (page / "index.html").read_text(encoding="utf-8")
    for name in headers.streamlit_modules():
        assert (page / name.lstrip("/")).is_file()
        assert name not in itself


def test_the_headers_of_a_page_fit_into_what_nginx_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "base_path", lambda: "/a-school-with-a-long-name")
    headers.streamlit_modules.cache_clear()
    named = headers.preloaded.__wrapped__(charts=True)
    headers.streamlit_modules.cache_clear()
    assert assets.url(assets.PLOTLY.name) in named
    security = headers.content_security_policy("'self' https://moodle.a-school-with-a-long-name.edu")
    assert len(named) <= headers.LINK_BYTES
    assert len(named) + len(security) < 4096 - 300  # status line, date, type, length, validators, two short headers


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/script-health-check"])
def test_what_only_operators_need_is_closed(path: str) -> None:
    assert Client().get(path).content == b"not found"


@pytest.mark.parametrize("query", ["&".join(f"k{n}=1" for n in range(5000)), "batch_size=" + "1" * 10000])
def test_an_endless_link_is_refused_with_a_sentence(client: Client, query: str) -> None:
    english, chinese = client.get("/layer", query), client.get("/layer", query, **{"accept-language": "zh-CN,en"})
    assert english.status == chinese.status == 414
    assert english.content.decode() == limits.LONG_LINK
    assert re.search("[\u4e00-\u9fff]", chinese.content.decode())
    assert client.get("/layer", "batch_size=2&seed=1").status == 404  # goes on to whoever serves pages


def test_a_request_of_two_lengths_is_refused_and_its_connection_ends(client: Client) -> None:
    both = client.get("/layer", **{"content-length": "0", "transfer-encoding": "chunked"})
    assert (both.status, both.headers["connection"]) == (400, "close")
    assert client.get("/layer", **{"content-length": "0"}).status == 404


# --- one connection after the other ------------------------------------------------------------------------------


class Inner:
    """What stands behind a middleware: notes what it is asked, accepts, and waits for the end."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.heard: list[Message] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        while True:
            self.heard.append(await receive())
            if self.heard[-1]["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            if self.heard[-1]["type"] == "websocket.disconnect":
                return


class Talk:
    """One connection to `app`: the messages of the visitor one by one, and the answers."""

    def __init__(
        self,
        app: ASGIApp,
        path: str = "/_stcore/stream",
        kind: str = "websocket",
        client: str = "192.0.2.1",
        **headers: str,
    ) -> None:
        self.app, self.answers = app, list[Message]()
        told = {"host": "class.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.scope = {
            "type": kind,
            "path": path,
            "client": (client, 50000),
            "query_string": b"",
            "method": headers.pop("method", "GET"),
            "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        }
        self.say: asyncio.Queue[Message] = asyncio.Queue()
        self.say.put_nowait({"type": "websocket.connect"})

    async def hear(self, message: Message) -> None:
        self.answers.append(message)

    async def begin(self) -> asyncio.Task[None]:
        """Connect and wait for the answer."""
        task = asyncio.ensure_future(self.app(self.scope, self.say.get, self.hear))  # type: ignore[arg-type]
        while not self.answers and not task.done():
            await asyncio.sleep(0)
        return task

    async def end(self, task: asyncio.Task[None]) -> None:
        """Leave."""
        self.say.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await task


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://class.example.evil.example", "null", "http://[", "http://localhost:3000"]
)
@pytest.mark.parametrize("path", ["/_stcore/stream", "/bnviz/0/live/1/en"])
def test_a_foreign_page_is_refused_before_streamlit_sees_it(origin: str, path: str) -> None:
    inner = Inner()
    talk = Talk(SameOrigin(inner), path, origin=origin)
    asyncio.run(talk.app(talk.scope, talk.say.get, talk.hear))
    assert talk.answers == [{"type": "websocket.close", "code": 1008}]
    assert inner.scopes == []
    put = Talk(SameOrigin(inner), "/_stcore/upload_file/a/b", "http", method="PUT", origin=origin)
    asyncio.run(put.app(put.scope, put.say.get, put.hear))
    assert put.answers[0]["status"] == 403
    assert inner.scopes == []


@pytest.mark.parametrize(
    "told", [{"origin": "https://class.example"}, {"origin": "https://a.example", "x_forwarded_host": "a.example"}, {}]
)
def test_our_own_pages_come_through_under_the_name_that_they_know(told: dict[str, str]) -> None:
    async def conversation() -> None:
        inner = Inner()
        talk = Talk(SameOrigin(inner), **told)
        await talk.end(await talk.begin())
        assert talk.answers == [{"type": "websocket.accept"}]
        host = dict(inner.scopes[0]["headers"])[b"host"].decode()
        assert "origin" not in told or told["origin"].endswith(f"//{host}")

    asyncio.run(conversation())


def test_the_visitor_after_the_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VISITORS, "2")

    async def conversation() -> None:
        app = Limits(Inner())
        inside = [Talk(app), Talk(app)]
        tasks = [await talk.begin() for talk in inside]
        turned_away = Talk(app)
        await (await turned_away.begin())
        assert turned_away.answers == [{"type": "websocket.close", "code": limits.TRY_LATER}]
        page = Talk(app, "/layer", "http", accept="text/html")
        await (await page.begin())
        assert page.answers[0]["status"] == 503
        assert page.answers[1]["body"].decode() == limits.FULL
        await inside[0].end(tasks[0])
        later = Talk(app)
        await later.end(await later.begin())
        assert later.answers == [{"type": "websocket.accept"}]
        await inside[1].end(tasks[1])
        assert app.visitors.taken == 0

    asyncio.run(conversation())


def test_500_sockets_from_one_address_leave_room_for_a_class_and_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VISITORS, "500")

    async def conversation() -> None:
        app = Limits(Inner())
        inside: list[tuple[Talk, asyncio.Task[None]]] = []

        async def come(address: str, count: int) -> int:
            talks = [Talk(app, client=address) for _ in range(count)]
            tasks = [await talk.begin() for talk in talks]
            come_in = [
                pair for pair in zip(talks, tasks, strict=True) if pair[0].answers[0]["type"] == "websocket.accept"
            ]
            inside.extend(come_in)
            return len(come_in)

        assert await come("203.0.113.7", 500) == 400
        refused = Talk(app, "/layer", "http", client="203.0.113.7", accept="text/html")
        await (await refused.begin())
        assert refused.answers[0]["status"] == 503
        page = Talk(app, "/layer", "http", client="198.51.100.1", accept="text/html")
        await (await page.begin())
        assert page.answers[0]["status"] == 200
        assert await come("198.51.100.1", 60) == 60
        assert await come("192.0.2.9", 1) == 1
        for talk, task in inside:
            await talk.end(task)
        assert app.visitors.taken == 0

    asyncio.run(conversation())


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    async def conversation() -> None:
        inner = Inner()
        talk = Talk(Limits(inner))
        task = await talk.begin()
        talk.say.put_nowait({"type": "websocket.receive", "bytes": b"a" * limits.LARGEST_MESSAGE})
        talk.say.put_nowait({"type": "websocket.receive", "bytes": b"a" * (limits.LARGEST_MESSAGE + 1)})
        await task
        assert [len(message.get("bytes", b"")) for message in inner.heard] == [0, limits.LARGEST_MESSAGE, 0]
        assert talk.answers[-1] == {"type": "websocket.close", "code": limits.TOO_BIG}

    asyncio.run(conversation())


def test_an_endless_path_is_refused(client: Client) -> None:
    digits = assets.mount_path() + "/live/" + "9" * 5000 + "/en"
    assert client.get(digits).status == 414
    talk = Talk(client.app, digits)
    asyncio.run(talk.app(talk.scope, talk.say.get, talk.hear))  # type: ignore[arg-type]
    assert talk.answers == [{"type": "websocket.close", "code": limits.TOO_BIG}]


def test_who_asks_for_more_files_than_a_visit_may_have_is_shown_out() -> None:
    def asking(names: int) -> Message:
        message = BackMsg()
        message.file_urls_request.file_names.extend(["f"] * names)
        return {"type": "websocket.receive", "bytes": message.SerializeToString()}

    async def conversation() -> None:
        inner = Inner()
        talk = Talk(Limits(inner))
        task = await talk.begin()
        for names in (1, 30, 31):
            talk.say.put_nowait(asking(names))
        await task
        assert [message["type"] for message in inner.heard[1:]] == ["websocket.receive"] * 2 + ["websocket.disconnect"]
        assert talk.answers[-1] == {"type": "websocket.close", "code": limits.TOO_BIG}

    asyncio.run(conversation())


@pytest.mark.parametrize("path", ["/_stcore/stream", "/bnviz/0/pictures/layer/en"])
def test_a_flood_of_messages_ends_its_connection_and_a_lively_visitor_stays(path: str) -> None:
    async def conversation(messages: int) -> list[str]:
        inner = Inner()
        talk = Talk(Limits(inner), path)
        task = await talk.begin()
        for _ in range(messages):
            talk.say.put_nowait({"type": "websocket.receive", "text": "x"})
        while not talk.say.empty() and not task.done():
            await asyncio.sleep(0)
        if not task.done():
            await talk.end(task)
        return [message["type"] for message in inner.heard]

    assert asyncio.run(conversation(150)).count("websocket.receive") == 150
    heard = asyncio.run(conversation(5000))
    assert heard[-1] == "websocket.disconnect"
    assert heard.count("websocket.receive") < 2000


def test_other_names_of_a_file_are_not_kept_beside_it(client: Client) -> None:
    once = CompressOnce(client.app)
    client.app = once  # type: ignore[assignment]
    names = [assets.url("common.js").replace("/common", "/" * count + "common") for count in range(1, 40)]
    for name in [*names, assets.url("common.js").replace("/common", "/./common")]:
        client.get(name)
    assert list(once.kept) == [names[0]]


def test_however_much_is_asked_for_new_files_are_still_compressed() -> None:
    _, answers = scripted(leave=False)
    once = CompressOnce(lambda *_: None)  # type: ignore[arg-type,return-value]
    once.MAX_BYTES = 1000
    for number in range(500):
        once.keep(f"/{number}.js", [], b"a" * 100)
    assert list(once.kept) == [f"/{number}.js" for number in range(490, 500)]
    assert answers[1].headers["content-encoding"] == "gzip"


def test_a_large_file_goes_out_in_pieces_of_which_one_is_kept_for_who_does_not_read() -> None:
    once, body, heard = CompressOnce(Mock()), os.urandom(10 * 2**16 + 1), list[Message]()
    once.keep("/large.js", [], body)

    async def hear(message: Message) -> None:
        heard.append(message)

    scope = {"type": "http", "method": "GET", "path": "/large.js", "headers": [(b"accept-encoding", b"gzip")]}
    asyncio.run(once(scope, Mock(), hear))
    pieces = [message["body"] for message in heard[1:]]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 2**16
    assert not heard[-1].get("more_body")


# --- the process -------------------------------------------------------------------------------------------------


def test_the_log_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bounded_log, "MAX_LINES", 30)
    limit = BoundedLog()
    log = logging.Logger("server")
    log.addHandler(logging.StreamHandler(sys.stderr))
    log.handlers[0].addFilter(limit)
    for number in range(5000):
        log.error("accept failed: %s", number)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bounded_log.MAX_ALIKE
    assert lines[-1].startswith("accept failed: 9 (Lines like this are left out")
    for number in range(5000):
        log.error(f"another {number}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 30
    assert "All lines are left out" in lines[-1]
    monkeypatch.setattr(bounded_log, "WINDOW_SECONDS", 0.0)
    log.error("later")
    assert capsys.readouterr().err == "later\n"


def test_the_limit_of_open_files_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
    try:
        assert limits.raise_file_limit() == min(before[1], limits.WANTED_FILES)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(before[1], limits.WANTED_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_there_are_files_for_every_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(limits.VISITORS, raising=False)
    monkeypatch.setattr(limits, "raise_file_limit", lambda: 1024)
    assert limits.most_visitors() * limits.FILES_PER_VISITOR < 1024
    # All places taken, each visitor with the four that a session has open, and a burst at the door.
    assert 4 * limits.most_visitors() + limits.most_connections() + 4 * sockets.AT_ONCE < 1024
    monkeypatch.setattr(limits, "raise_file_limit", lambda: 65536)
    assert limits.most_visitors() == limits.MAX_VISITORS
    assert limits.most_connections() == 8 * limits.MAX_VISITORS


@pytest.mark.parametrize("ours", [True, False])
def test_small_messages_leave_at_once_on_our_sockets_and_on_streamlits(ours: bool) -> None:
    async def nodelay(listening: socket.socket) -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(meet, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            found = await accepted
            writer.close()
        return found

    def as_streamlit_does() -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        return listening

    if ours:
        (listening,) = sockets.listen("127.0.0.1", 0)
        assert asyncio.run(nodelay(listening))
    else:
        assert not asyncio.run(nodelay(as_streamlit_does()))
        listening = as_streamlit_does()
        sockets.send_at_once()
        assert asyncio.run(nodelay(listening))


def test_streamlit_is_told_the_same_settings_whichever_way_it_is_started() -> None:
    assert (ROOT / ".streamlit" / "config.toml").resolve() == SETTINGS.resolve()
    named = options(tomllib.loads(SETTINGS.read_text(encoding="utf-8")))
    assert named["runner.postScriptGC"] is False
    assert named["theme.light.primaryColor"].startswith("#")
    assert set(named) <= set(config.get_config_options())


ROOT = Path(__file__).parents[3]
GUARD = """
import sys

def outside(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in ("127.0.0.1", "::1"):
        print("connects to", arguments[1], file=sys.stderr, flush=True)
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "::1", "::", "0.0.0.0"):
        print("looks up", arguments[0], file=sys.stderr, flush=True)

sys.addaudithook(outside)
"""
WAYS = {
    "bnviz": "from bnviz.ui.server.serve import serve; serve({port}, '127.0.0.1', 'school')",
    "streamlit": "import sys; sys.argv = ['streamlit', 'run', 'app.py', '--server.port', '{port}', '--server.baseUrlPath', "
    "'school']; from streamlit.web.cli import main; main()",
}


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder of few letters: in it lie sockets, whose paths have 107 at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("way", WAYS)
def test_no_server_connects_to_anywhere_and_both_end_in_silence(way: str, short_folder: Path) -> None:
    """Not at the start, not for a foreign page; and SIGTERM leaves no word about semaphores. Ours needs no room for what it prints,
    and leaves no folder behind.
    """
    printed = "/dev/full" if way == "bnviz" and Path("/dev/full").exists() else os.devnull
    port = free_port()
    address = f"http://127.0.0.1:{port}/school"
    with Path(printed).open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", GUARD + WAYS[way].format(port=port)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            stdout=output,
            env={**os.environ, "OMP_NUM_THREADS": "1", "BNVIZ_WORKERS": "1", "TMPDIR": str(short_folder)},
        )
    try:
        until_healthy(server, address)
        with urlopen(Request(address, headers={"Accept": "text/html"})) as page:
            assert page.headers["X-Content-Type-Options"] == "nosniff"

        async def knock() -> None:
            stream = f"{address.replace('http', 'ws')}/_stcore/stream"
            for _ in range(3):
                with pytest.raises(websockets.InvalidStatus):
                    await websockets.connect(stream, origin="http://evil.example")  # type: ignore[arg-type]
            async with websockets.connect(stream, origin=f"http://127.0.0.1:{port}"):  # type: ignore[arg-type]
                pass

        asyncio.run(knock())
        wait(lambda: any(short_folder.glob("pymp-*")))
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert said == ""
    assert way != "bnviz" or not any(short_folder.iterdir())


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(300)
def test_a_server_that_still_gets_ready_ends_in_silence_with_all_its_processes(sent: signal.Signals) -> None:
    """As Ctrl-C in a terminal, pressed twice, or `kill` of the whole group."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "bnviz", "--address", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "BNVIZ_WORKERS": "1"},
    )
    for _ in range(600):
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
            break
        assert server.poll() is None
        time.sleep(0.1)
    for _ in range(2):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, sent)
        time.sleep(0.2)
    _, said = server.communicate(timeout=120)  # until the last of its processes has gone
    assert said == ""
    assert server.returncode in ({-sent} if sent is signal.SIGTERM else {0, -sent})


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

    once = CompressOnce(app)
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
