"""The WebSocket route of classes, served for real: whose pages may connect, how long frames may be, who is waited for."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import Match, WebSocketRoute
from websockets.asyncio.client import ClientConnection

from bnviz.classroom.classes import Classes
from bnviz.classroom.limits import LONGEST_FRAME, Limits, Rate
from bnviz.classroom.protocol import VERSION, Done, Ended, FromServer, Pong, Refused, State, Welcome, read_server
from bnviz.ui import classroom_route
from bnviz.ui.server.routes import routes
from tests.classroom.screens import OPTIONS, QUESTION, settings_of

M = TypeVar("M", bound=FromServer)
Trial = Callable[["Server"], Awaitable[None]]
PATIENCE = 30.0


class Server:
    """A server with nothing but classes."""

    def __init__(self, port: int, classes: Classes, route: classroom_route.ClassroomRoute) -> None:
        self.address = ("127.0.0.1", port)
        self.host = f"127.0.0.1:{port}"
        self.classes = classes
        self.route = route

    @asynccontextmanager
    async def connect(self, origin: str | None = "", buffer: int = 2**16) -> AsyncIterator[Browser]:
        """A browser whose page came from `origin`, by default from this server. `buffer`: bytes that its system takes unread."""
        address = f"ws://{self.host}/class"
        own: Any = f"http://{self.host}" if origin == "" else origin
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plug.connect(self.address)
        async with websockets.connect(address, origin=own, compression=None, sock=plug) as websocket:
            yield Browser(websocket)

    @asynccontextmanager
    async def teacher(self) -> AsyncIterator[tuple[Browser, Welcome]]:
        """A browser that has started a class."""
        async with self.connect() as browser:
            await browser.say("start", version=VERSION)
            yield browser, await browser.hear(Welcome)

    @asynccontextmanager
    async def student(self, code: str, buffer: int = 2**16, **more: Any) -> AsyncIterator[tuple[Browser, Welcome]]:
        """A browser that has joined."""
        async with self.connect(buffer=buffer) as browser:
            await browser.say("join", version=VERSION, code=code, **more)
            yield browser, await browser.hear(Welcome)

    def screens(self, code: str) -> int:
        """Students' connections to a class."""
        with self.classes.lock:
            room = next(room for room in self.classes.rooms if room.code == code)
            return sum(seat.screens for seat in room.seats.values())


class Browser:
    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket

    async def say(self, kind: str, **values: Any) -> None:
        await self.websocket.send(json.dumps({"type": kind, **values}))

    async def hear(self, kind: type[M], that: Callable[[M], object] = lambda message: True) -> M:
        """The next message of this kind."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = read_server(str(await self.websocket.recv()))
                if isinstance(message, kind) and that(message):
                    return message

    async def read_on(self) -> None:
        """Take everything that comes, until the server closes."""
        with suppress(websockets.ConnectionClosed):
            async for _ in self.websocket:
                pass

    async def closed(self) -> int | None:
        """The code with which the server closes."""
        async with asyncio.timeout(PATIENCE):
            await self.websocket.wait_closed()
        return self.websocket.close_code


def serve(trial: Trial, *, debug: bool = False, **limits: Any) -> None:
    """Run `trial` against a server. `debug`: asyncio forbids what is not safe between threads."""

    async def run() -> None:
        classes = Classes(settings_of, Limits(**limits))
        route = classroom_route.ClassroomRoute(classes, ("https://friend.example",))
        app = Starlette(routes=[classroom_route.WebSocketRoute("/class", route.endpoint)])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await trial(Server(listener.getsockname()[1], classes, route))
            finally:
                server.should_exit = True
                await serving

    asyncio.run(run(), debug=debug)


def test_a_lesson_over_the_wire() -> None:
    async def trial(server: Server) -> None:
        async with server.teacher() as (teacher, welcome), server.student(welcome.code) as (ada, _):
            await teacher.hear(State, lambda state: state.shared.students == 1)
            await teacher.say("ask", id=1, question=QUESTION, options=OPTIONS)
            state = await ada.hear(State, lambda state: state.shared.poll)
            assert state.shared.poll is not None
            await ada.say("answer", id=1, poll=state.shared.poll.id, round=1, value=2)
            await ada.hear(Done)
            await teacher.hear(State, lambda state: state.shared.poll and state.shared.poll.voted == (1,))
            await teacher.say("show", id=2, poll=1, round=1)
            shown = await ada.hear(State, lambda state: state.shared.poll and state.shared.poll.bars[0])
            assert shown.shared.poll is not None
            assert shown.shared.poll.bars == ((0, 0, 1, 0),)
            assert shown.own is not None
            assert shown.own.answers == (2, None)
            await ada.say("ping")
            await ada.hear(Pong)
            await teacher.say("end", id=3)
            await ada.hear(Ended)
            assert await ada.closed() == await teacher.closed() == 1000
            assert len(server.classes) == 0

    serve(trial)


def test_a_lost_connection_comes_back_to_its_seat() -> None:
    async def trial(server: Server) -> None:
        async with server.teacher() as (teacher, welcome):
            await teacher.say("ask", id=1, question=QUESTION, options=OPTIONS)
            async with server.student(welcome.code) as (ada, seat):
                await ada.hear(State)
                await ada.say("answer", id=1, poll=1, round=1, value=3)
                seen = await ada.hear(State, lambda state: state.own and state.own.last)
                ada.websocket.transport.abort()  # no farewell
            await teacher.hear(State, lambda state: state.shared.students == 0)
            async with server.student(welcome.code, token=seat.token, since=seen.version) as (back, _):
                await back.say("ping")
                async with asyncio.timeout(PATIENCE):  # no state in between: nothing has changed
                    assert read_server(str(await back.websocket.recv())) == Pong()
                await teacher.say("close", id=2, poll=1, round=1)
                state = await back.hear(State)
                assert state.own is not None
                assert state.own.answers == (3, None)

    serve(trial)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://elsewhere.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "file://",
        "http://127.0.0.1.elsewhere.example",
    ],
)
def test_pages_of_others_cannot_connect(origin: str | None) -> None:
    async def trial(server: Server) -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with server.connect(origin):
                pass
        assert refused.value.response.status_code == 403
        assert not server.route.strangers

    serve(trial)


def test_a_named_friend_may_connect() -> None:
    async def trial(server: Server) -> None:
        async with server.connect("https://friend.example") as browser:
            await browser.say("start", version=VERSION)
            await browser.hear(Welcome)

    serve(trial)


@pytest.mark.parametrize("length", [LONGEST_FRAME + 1, 2**20])
def test_a_frame_that_is_too_long_is_refused_and_the_class_goes_on(length: int) -> None:
    async def trial(server: Server) -> None:
        async with server.teacher() as (teacher, welcome), server.student(welcome.code) as (ada, _):
            await ada.websocket.send("x" * length)
            refused = await ada.hear(Refused)
            assert refused.reason == "too_long"
            assert str(LONGEST_FRAME) in refused.sentence.en
            await teacher.say("ask", id=1, question=QUESTION, options=OPTIONS)
            await ada.hear(State, lambda state: state.shared.poll)

    serve(trial)


@pytest.mark.parametrize("frame", ["x", b"\x00", '{"type":"end","id":1}', "x" * (LONGEST_FRAME + 1)])
def test_who_begins_with_anything_else_is_shown_the_door(frame: str | bytes) -> None:
    async def trial(server: Server) -> None:
        async with server.connect() as browser:
            await browser.websocket.send(frame)
            await browser.hear(Refused)
            assert await browser.closed() == 4404
            assert not server.route.strangers

    serve(trial)


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom_route, "SAYS_WITHIN_SECONDS", 0.05)

    async def trial(server: Server) -> None:
        async with server.connect() as browser:
            assert await browser.closed() == 4408
            assert not server.route.strangers

    serve(trial)


def test_who_falls_silent_leaves_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom_route, "SILENT_SECONDS", 0.2)

    async def trial(server: Server) -> None:
        async with server.teacher() as (teacher, welcome):
            assert await teacher.closed() == 4408
            async with server.student(welcome.code) as (ada, _):
                assert await ada.closed() == 4408
            async with server.connect() as other:
                await other.say("teach", version=VERSION, code=welcome.code, secret=welcome.secret)
                state = await other.hear(State)
                assert state.shared.students == 0

    serve(trial)


def test_strangers_are_bounded_and_those_who_are_in_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom_route, "MAX_STRANGERS", 1)
    monkeypatch.setattr(classroom_route, "AT_ONCE_SECONDS", 2 * PATIENCE)

    async def trial(server: Server) -> None:
        async with server.teacher() as (_, welcome), server.student(welcome.code), server.connect():
            while not server.route.strangers:
                await asyncio.sleep(0.01)
            with pytest.raises(websockets.InvalidStatus):
                async with server.connect():
                    pass

    serve(trial)


def test_those_who_say_nothing_do_not_keep_out_those_who_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom_route, "MAX_STRANGERS", 2)
    monkeypatch.setattr(classroom_route, "AT_ONCE_SECONDS", 0.0)
    monkeypatch.setattr(classroom_route, "SAYS_WITHIN_SECONDS", 2 * PATIENCE)

    async def trial(server: Server) -> None:
        async with server.connect() as oldest:
            while len(server.route.strangers) < 1:
                await asyncio.sleep(0.01)
            async with server.connect() as second:
                while len(server.route.strangers) < 2:
                    await asyncio.sleep(0.01)
                async with server.teacher():
                    assert await oldest.closed() == 4408
                    await second.say("start", version=VERSION)
                    await second.hear(Welcome)

    serve(trial)


def test_a_flood_ends_with_its_connection() -> None:
    async def trial(server: Server) -> None:
        async with server.teacher() as (teacher, welcome), server.student(welcome.code) as (ada, _):
            reading = asyncio.create_task(ada.read_on())
            with suppress(websockets.ConnectionClosed):
                while True:
                    await ada.say("answer", id=1, poll=1, round=1, value=1)
            await reading
            assert await ada.closed() == 4429
            await teacher.say("timer", id=1, seconds=5)
            await teacher.hear(Done)

    serve(trial)


def test_guesses_of_one_address_are_slowed_down() -> None:
    async def trial(server: Server) -> None:
        reasons = []
        for _ in range(6):
            async with server.connect() as browser:
                await browser.say("join", version=VERSION, code="zebra-1")
                reasons.append((await browser.hear(Refused)).reason)
        assert reasons == ["unknown_class"] * 4 + ["too_fast"] * 2

    serve(trial, guesses=Rate(4, 0.001))


def test_a_phone_that_takes_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection stays open and is never read; the others get every state, and it is given up in the end."""
    monkeypatch.setattr(classroom_route, "TAKES_WITHIN_SECONDS", 0.5)
    text = {"en": "x" * 400, "zh": "x" * 400}

    async def trial(server: Server) -> None:
        async with (
            server.teacher() as (teacher, welcome),
            server.student(welcome.code) as (ada, _),
            AsyncExitStack() as stack,
        ):
            deaf, _ = await stack.enter_async_context(server.student(welcome.code, buffer=4096))
            deaf.websocket.transport.pause_reading()
            await teacher.hear(State, lambda state: state.shared.students == 2)
            number = 0
            reading = asyncio.create_task(teacher.read_on())
            while server.screens(welcome.code) == 2:
                number += 1
                assert number < 5000
                await teacher.say("ask", id=number, question=text, options=[text] * 6)
                await ada.hear(State, lambda state: state.shared.poll and state.shared.poll.id == number)  # noqa: B023
            reading.cancel()
            deaf.websocket.transport.abort()

    serve(trial, teacher=Rate(10**6, 1))


def test_changes_from_another_thread_arrive() -> None:
    """Streamlit's pages run in threads of their own."""

    async def trial(server: Server) -> None:
        async with server.teacher() as (_, welcome), server.student(welcome.code) as (ada, _):
            await ada.hear(State)

            def end() -> None:
                with server.classes.lock:
                    for room in server.classes.rooms:
                        room.end()

            threading.Thread(target=end).start()
            await ada.hear(Ended)

    serve(trial, debug=True)


def test_the_dashboard_has_the_route() -> None:
    """Not below the path of the assets, which changes with them: a phone comes back to the class after the server's update."""
    scope = {"type": "websocket", "path": "/bnviz/class", "root_path": "", "headers": []}
    first = next(route for route in routes() if route.matches(scope)[0] is Match.FULL)
    assert isinstance(first, WebSocketRoute)
    assert getattr(first.endpoint, "__self__", None).__class__ is classroom_route.ClassroomRoute
