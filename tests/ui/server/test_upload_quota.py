"""The quota of uploads, in front of Streamlit's own routes and its own store of files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import Any, cast

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette import starlette_routes

from bnviz.ui.server import upload_quota
from bnviz.ui.server.upload_quota import UploadQuota, stored_by_streamlit

MB = 2**20
BOUNDARY = "b0undary"


class Everybody:
    """A runtime that knows every session."""

    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")

    def is_active_session(self, session: str) -> bool:
        return session != "stranger"


class Server:
    """Streamlit's upload routes behind the quota."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, base: str = "", **limits: int) -> None:
        runtime = Everybody()
        self.store = runtime.uploaded_file_mgr
        monkeypatch.setattr(Runtime, "exists", lambda: True)
        monkeypatch.setattr(Runtime, "instance", lambda: runtime)
        monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)
        routes = starlette_routes.create_upload_routes(cast("Runtime", runtime), self.store, base or None)
        self.app = Starlette(routes=routes, middleware=[Middleware(UploadQuota, **limits)])
        self.base = f"/{base}" if base else ""
        self.read = 0

    async def ask(
        self,
        session: str,
        file: str,
        size: int = 0,
        method: str = "PUT",
        announced: bool = True,
        address: str = "192.0.2.1",
        wait: Callable[[], Awaitable[object]] | None = None,
    ) -> int:
        """The status of the answer to a file of `size` bytes; `wait` before its body is sent."""
        body = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'.encode()
            + bytes(size)
            + f"\r\n--{BOUNDARY}--\r\n".encode()
        )
        path = f"{self.base}/_stcore/upload_file/{session}/{file}"
        headers = [(b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())]
        headers += [(b"content-length", str(len(body)).encode())] if announced else []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
            "client": (address, 50000),
            "server": ("a", 80),
            "root_path": "",
            "http_version": "1.1",
        }
        statuses: list[int] = []

        async def receive() -> Any:
            if wait is not None:
                await wait()
            self.read += len(body)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self.app(scope, receive, send)
        return statuses[0]

    def put(self, session: str, file: str, size: int = 0, **more: Any) -> int:
        return anyio.run(lambda: self.ask(session, file, size, **more))

    def stored(self) -> int:
        return sum(len(kept.data) for files in self.store.file_storage.values() for kept in files.values())


@pytest.mark.parametrize("base", ["", "school"])
def test_one_session_cannot_fill_the_memory(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, base)
    answers = [server.put("s", f"f{number}", 2 * MB - 1000) for number in range(50)]
    assert answers == [204] * 6 + [413] * 44
    assert server.stored() <= upload_quota.BYTES_OF_ONE
    assert server.read < 7 * 2 * MB  # what is refused is not read
    assert server.put("other", "f", 1000) == 204


def test_many_small_files_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    assert [server.put("s", f"f{number}") for number in range(40)].count(204) == upload_quota.FILES_OF_ONE
    assert len(server.store.file_storage["s"]) == upload_quota.FILES_OF_ONE


def test_all_sessions_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, bytes_of_all=5 * MB)
    answers = [server.put(f"s{number}", "f", MB) for number in range(9)]
    assert answers == [204] * 4 + [413] * 5
    server.store.remove_session_files("s0")
    assert server.put("late", "f", MB) == 204


def test_the_sessions_of_one_address_leave_room_for_the_files_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, bytes_of_all=20 * MB)
    answers = [server.put(f"s{number}", "f", MB - 1000) for number in range(30)]
    assert answers.count(204) == 16
    assert server.put("late", "f", MB - 1000, address="198.51.100.7") == 204
    server.store.remove_session_files("s0")
    server.store.remove_session_files("s1")
    assert server.put("s2", "g", MB - 1000) == 204
    assert "s0" not in server.app.middleware_stack.app.addresses  # type: ignore[union-attr]


def test_files_that_stall_leave_room_for_the_files_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, bytes_of_all=20 * MB)

    async def while_they_stall() -> int:
        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(lambda name=f"s{number}": server.ask(name, "f", MB, wait=anyio.sleep_forever))
            await anyio.wait_all_tasks_blocked()
            status = await server.ask("late", "f", MB, address="198.51.100.7")
            group.cancel_scope.cancel()
        return status

    assert anyio.run(while_they_stall) == 204
    assert server.read < 3 * MB


def test_a_file_that_is_taken_away_makes_room_and_one_that_is_replaced_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch, files_of_one=2, bytes_of_one=3 * MB)
    assert [server.put("s", name, MB) for name in ("a", "b", "c", "a", "b", "a")] == [204, 204, 413, 204, 204, 204]
    assert server.put("s", "a", 2 * MB - 1000) == 204
    assert server.put("s", "b", 2 * MB - 1000) == 413
    assert server.put("s", "a", method="DELETE") == 204
    assert server.put("s", "b", 2 * MB - 1000) == 204
    assert server.put("s", "c", MB // 2) == 204


@pytest.mark.parametrize("announced", [True, False])
def test_what_is_on_its_way_counts(announced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    answers: list[int] = []

    async def all_at_once() -> None:
        released = anyio.Event()

        async def one(number: int) -> None:
            answers.append(await server.ask("s", f"f{number}", 2 * MB - 1000, announced=announced, wait=released.wait))

        async with anyio.create_task_group() as group:
            for number in range(250):
                group.start_soon(one, number)
            while len(answers) < 240:
                await anyio.sleep(0)
            assert server.read == 0
            released.set()

    anyio.run(all_at_once)
    assert answers.count(413) >= 244
    # What does not say how large it is counts as the largest.
    assert answers.count(204) == upload_quota.BYTES_OF_ONE // (2 * MB - 1000 if announced else upload_quota.LARGEST)
    assert server.stored() <= upload_quota.BYTES_OF_ONE
    assert server.put("s", "late") == 204  # nothing is left counted as on its way
    assert server.app.middleware_stack.app.coming == []  # type: ignore[union-attr]


def test_a_stranger_and_a_failure_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, files_of_one=1)
    assert server.put("stranger", "f", MB) == 400

    async def gone() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        server.put("s", "f", MB, wait=gone)
    assert server.put("s", "g", MB) == 204


def test_a_file_on_its_way_needs_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpooledTemporaryFile, "rollover", lambda self: pytest.fail("written to the disk"))
    assert Server(monkeypatch).put("s", "f", 2 * MB - 1000) == 204


def test_who_leaves_in_the_middle_of_a_file_is_no_failure() -> None:
    async def broken_off(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()

    async def leave() -> Any:
        return {"type": "http.disconnect"}

    quota = UploadQuota(broken_off, stored=dict)
    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/s/f", "headers": []}
    anyio.run(quota, scope, leave, None)
    assert quota.coming == []


def test_other_requests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, files_of_one=0)
    assert server.put("s", "f", method="OPTIONS") == 204
    assert server.put("s", "f", method="DELETE") == 204
    assert server.put("s", "f", MB) == 413


def test_without_a_runtime_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "exists", lambda: False)
    assert stored_by_streamlit() == {}
