"""Screens of a class without a network: each has a `Connection`, and remembers what it was told."""

from __future__ import annotations

import json
from typing import Any

from bnviz.classroom.classes import Classes
from bnviz.classroom.connection import Connection
from bnviz.classroom.limits import Limits
from bnviz.classroom.protocol import (
    VERSION,
    Done,
    Ended,
    FromServer,
    Own,
    Poll,
    Refused,
    Shared,
    State,
    Welcome,
    read_server,
)
from bnviz.settings import BatchSize, Eps, LabSettings, Mode, Momentum, Seed

QUESTION = {"en": "Why?", "zh": "为什么？"}
OPTIONS = [{"en": name, "zh": f"选项{name}"} for name in "ABCD"]


class Settings(LabSettings):
    """A page with a setting of every kind."""

    batch_size: BatchSize = 32
    momentum: Momentum = 0.1
    eps: Eps = 1e-5
    mode: Mode = "train"
    seed: Seed = 0


def settings_of(page: str, topic: str) -> type[LabSettings] | None:
    """One page, whatever its topic."""
    return Settings if page == "layer" else None


class Clock:
    """Stands still until it is put on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class School:
    """A server's classes, its clock, and who connects."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.classes = Classes(settings_of, Limits(**limits), self.clock)

    def screen(self, address: str = "192.0.2.1") -> Screen:
        """A browser that has just connected."""
        return Screen(self, address)

    def teacher(self, address: str = "192.0.2.1") -> Screen:
        """A browser that has started a class."""
        screen = self.screen(address)
        screen.say("start", version=VERSION)
        return screen

    def student(self, teacher: Screen, **more: Any) -> Screen:
        """A browser that has joined the teacher's class."""
        screen = self.screen(more.pop("address", "192.0.2.1"))
        screen.say("join", version=VERSION, code=teacher.welcome.code, **more)
        return screen


class Screen:
    """A browser."""

    def __init__(self, school: School, address: str) -> None:
        self.school = school
        self.heard: list[FromServer] = []
        self.woken = 0
        self.connection = Connection(school.classes, address, self._wake)
        self.count = 0

    def _wake(self) -> None:
        self.woken += 1

    def send(self, frame: str | bytes) -> FromServer | None:
        """Send a frame as it is; the answer."""
        answers = [read_server(text) for text in self.connection.receive(frame)]
        self.heard += answers
        return answers[-1] if answers else None

    def say(self, kind: str, **values: Any) -> FromServer | None:
        """Send a message; the answer."""
        return self.send(json.dumps({"type": kind, **values}))

    def order(self, kind: str, **values: Any) -> FromServer | None:
        """Send a message that counts."""
        self.count += 1
        return self.say(kind, id=self.count, **values)

    def refused(self, kind: str, **values: Any) -> Refused:
        """Send a message that counts and is refused."""
        answer = self.order(kind, **values)
        assert isinstance(answer, Refused), answer
        return answer

    def does(self, kind: str, **values: Any) -> None:
        """Send a message that counts and is carried out."""
        assert self.order(kind, **values) == Done(id=self.count)

    def ask(self) -> int:
        """Ask the usual question; its number."""
        self.does("ask", question=QUESTION, options=OPTIONS)
        return self.poll.id

    def look(self) -> State | None:
        """The newer state, if there is one."""
        text = self.connection.pending()
        if text is None:
            return None
        message = read_server(text)
        self.heard.append(message)
        return message if isinstance(message, State) else None

    @property
    def state(self) -> State:
        """What the screen shows now."""
        self.look()
        return next(message for message in reversed(self.heard) if isinstance(message, State))

    @property
    def shared(self) -> Shared:
        """What all screens of this role show."""
        return self.state.shared

    @property
    def own(self) -> Own:
        """What this student alone sees."""
        own = self.state.own
        assert own is not None
        return own

    @property
    def poll(self) -> Poll:
        """The vote on the screen."""
        poll = self.shared.poll
        assert poll is not None
        return poll

    @property
    def welcome(self) -> Welcome:
        """How the server has welcomed this browser."""
        return next(message for message in self.heard if isinstance(message, Welcome))

    @property
    def ended(self) -> bool:
        """Whether the class is over."""
        self.look()
        return any(isinstance(message, Ended) for message in self.heard)
