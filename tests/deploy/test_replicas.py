"""Several processes behind one address: newcomers are spread, links lead back, and on to another process when theirs is gone."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from benchmarks.servers import free_port
from tests.deploy.nginx import NGINX, configuration, needs_nginx, proxy


class Echo(BaseHTTPRequestHandler):
    """Answers with the path that it was asked for and the host that the visitor's browser named."""

    def do_GET(self) -> None:
        body = f"{self.server.server_port} {self.path} {self.headers['Host']}".encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Seen-From", str(self.headers["X-Forwarded-For"]))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        body = str(len(sent)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def echoing() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(address: str, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str, str]:
    """Status, Location and body of the answer; redirects are not followed."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read().decode()
    finally:
        connection.close()


@needs_nginx
def test_newcomers_are_spread_and_keep_what_they_asked_for(tmp_path: Path) -> None:
    with echoing() as one, echoing() as two, proxy(tmp_path, {"r1": one, "r2": two}) as address:
        sent = {ask(address, "/layer?batch_size=8&lang=zh")[:2] for _ in range(60)}
    assert sent == {(302, f"/{replica}/layer?batch_size=8&lang=zh") for replica in ("r1", "r2")}


@needs_nginx
def test_a_link_leads_to_the_process_that_made_it(tmp_path: Path) -> None:
    with echoing() as one, echoing() as two, proxy(tmp_path, {"r1": one, "r2": two}) as address:
        host = urlsplit(address).netloc
        for name, port in (("r1", one), ("r2", two)):
            link = f"/{name}/modes?topic=gap&q=a%20b%2Fc"
            assert ask(address, link) == (200, "", f"{port} {link} {host}")
        assert ask(address, "/r1/_stcore/upload_file/s/f", "PUT", bytes(3_000_000)) == (200, "", "3000000")
        assert ask(address, "/r1/_stcore/upload_file/s/f", "PUT", bytes(9_000_000))[0] == 413


@needs_nginx
def test_nobody_chooses_the_address_that_wrong_class_codes_are_counted_by(tmp_path: Path) -> None:
    with echoing() as one, proxy(tmp_path, {"r1": one, "r2": free_port()}) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
        connection.request("GET", "/r1/layer", headers={"X-Forwarded-For": "203.0.113.9"})
        assert connection.getresponse().getheader("Seen-From") == "127.0.0.1"
        connection.close()


@needs_nginx
def test_the_links_of_a_process_that_is_gone_lead_to_another_with_path_and_query(tmp_path: Path) -> None:
    with echoing() as two, proxy(tmp_path, {"r1": free_port(), "r2": two}) as address:
        assert ask(address, "/r1/layer?batch_size=8&class=otter-7")[:2] == (302, "/r2/layer?batch_size=8&class=otter-7")
        assert ask(address, "/r1")[:2] == (302, "/r2")
        status, location, _ = ask(address, "/r7/layer?eps=0.1")
        assert status == 302
        assert location in {"/r1/layer?eps=0.1", "/r2/layer?eps=0.1"}


@needs_nginx
def test_sockets_pass(tmp_path: Path) -> None:
    async def talk() -> None:
        async def answer(socket: websockets.ServerConnection) -> None:
            assert socket.request is not None
            await socket.send(f"{socket.request.path} {await socket.recv()!r}")

        async with websockets.serve(answer, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with proxy(tmp_path, {"r1": port, "r2": free_port()}) as address:
                async with websockets.connect(f"{address.replace('http', 'ws')}/r1/_stcore/stream?x=1") as socket:
                    await socket.send("hello")
                    assert await socket.recv() == "/r1/_stcore/stream?x=1 'hello'"

    asyncio.run(talk())


@needs_nginx
def test_nginx_accepts_the_configuration_as_it_ships(tmp_path: Path) -> None:
    assert NGINX is not None
    path = tmp_path / "nginx.conf"
    path.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{configuration({}, 8080)}\n}}\n", encoding="utf-8")
    said = subprocess.run(
        [NGINX, "-t", "-e", tmp_path / "error.log", "-c", path], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_proxy_and_compose_name_the_same_processes(name: str) -> None:
    compose = (Path(__file__).parents[2] / "compose.scaled.yaml").read_text(encoding="utf-8")
    assert f"  {name}:\n" in compose
    assert f"BNVIZ_BASE_PATH: /{name}\n      FORWARDED_ALLOW_IPS:" in compose
    assert f"{name} {name}:8501;" in configuration({}, 8080)
