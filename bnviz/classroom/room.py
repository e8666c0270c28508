"""One class: who is in it, where it is, what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bnviz.classroom import protocol
from bnviz.classroom.errors import ClassroomError
from bnviz.classroom.limits import Bucket, Limits
from bnviz.classroom.polls import Choice, Poll, Question, Settings, number_question
from bnviz.classroom.protocol import Place
from bnviz.i18n import N_

Role = Literal["teacher", "student"]


@dataclass(slots=True)
class Seat:
    """One student, known by what their browser keeps."""

    name: str
    """Digest of the token; the token itself is nowhere on the server."""
    bucket: Bucket
    screens: int = 0
    """Connections."""
    left_at: float = 0.0
    """When the last connection went."""
    last: int = 0
    """Highest message id that counted: what comes again, or late, does not."""
    changes: int = 0
    """Of what this student alone sees."""


@dataclass(eq=False)
class Classroom:
    """A class. Every method is called with the lock of its `Classes` held."""

    code: str
    secret: str
    """Digest of the teacher's secret."""
    limits: Limits
    settings_of: Settings
    began: float
    seats: dict[str, Seat] = field(default_factory=dict)
    teachers: int = 0
    """Connections of teachers."""
    teacher_left: float = field(init=False)
    """When the last of them went."""
    over: bool = False
    poll: Poll | None = None
    polls: int = 0
    """How many there have been."""
    at: Place | None = None
    timer: protocol.Timer | None = None
    step: protocol.Step | None = None
    listeners: dict[Callable[[], None], Seat | None] = field(default_factory=dict)
    """Called when something may have changed that a seat, or the teacher (None), sees; from any thread, and they return at once."""
    _versions: dict[Role, int] = field(default_factory=lambda: {"teacher": 1, "student": 1})
    _texts: dict[Role, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.teacher_left = self.began

    # What is shown.

    def version(self, seat: Seat | None) -> int:
        """Version of the state of a student, or of the teacher: higher after every change, whoever made it."""
        return self._versions["teacher"] if seat is None else self._versions["student"] + seat.changes

    def state(self, seat: Seat | None, now: float) -> str:
        """The newest state as a frame."""
        own = "null" if seat is None else self._own(seat).model_dump_json()
        text = self._text("teacher" if seat is None else "student")
        return protocol.state_frame(self.version(seat), now - self.began, text, own)

    def _text(self, role: Role) -> str:
        if role not in self._texts:
            teacher = role == "teacher"
            shared = protocol.Shared(
                poll=self.poll.view(teacher=teacher) if self.poll else None,
                at=self.at,
                timer=self.timer,
                students=sum(seat.screens > 0 for seat in self.seats.values()) if teacher else None,
                step=self.step if teacher else None,
            )
            self._texts[role] = shared.model_dump_json()
        return self._texts[role]

    def _own(self, seat: Seat) -> protocol.Own:
        answers = self.poll.answers_of(seat.name) if self.poll else (None, None)
        return protocol.Own(last=seat.last, answers=answers)

    def _changed(self, *roles: Role, seat: Seat | None = None) -> None:
        """What these roles see is not what it was; nor is what `seat` alone sees."""
        for role in roles:
            self._versions[role] += 1
            self._texts.pop(role, None)
        if seat is not None:
            seat.changes += 1
        for listener, listening in list(self.listeners.items()):
            if ("student" if listening else "teacher") in roles or (seat and listening is seat):
                listener()

    # Who is there.

    def take_seat(self, name: str, now: float) -> Seat:
        """The seat of a token's digest: the old one, else a new one. Raises: ClassroomError."""
        if name not in self.seats:
            if len(self.seats) >= self.limits.students:
                self._make_room(now)
            self.seats[name] = Seat(name, Bucket(self.limits.student, now))
        seat = self.seats[name]
        if seat.screens >= self.limits.screens:
            raise ClassroomError(
                "too_many_screens",
                N_("The class is open in {count} windows of this browser. Close one."),
                count=seat.screens,
            )
        seat.screens += 1
        self._changed("teacher")
        return seat

    def _make_room(self, now: float) -> None:
        """Take the seat of one who is gone: first of those who never voted, who lose nothing by getting a new one."""
        gone = [
            seat
            for seat in self.seats.values()
            if not seat.screens and (not seat.last or now - seat.left_at >= self.limits.away)
        ]
        if not gone:
            raise ClassroomError(
                "class_full", N_("This class is full: it holds {count} students."), count=self.limits.students
            )
        longest = min(gone, key=lambda seat: (seat.last > 0, seat.left_at))
        del self.seats[longest.name]
        if self.poll:
            self.poll.forget(longest.name)

    def leave_seat(self, seat: Seat, now: float) -> None:
        """A student's connection has gone."""
        seat.screens -= 1
        seat.left_at = now
        self._changed("teacher")

    def enter_teacher(self) -> None:
        """A teacher's connection. Raises: ClassroomError."""
        if self.teachers >= self.limits.teachers:
            raise ClassroomError(
                "too_many_screens", N_("This class has {count} teachers' screens. Close one."), count=self.teachers
            )
        self.teachers += 1

    def leave_teacher(self, now: float) -> None:
        """A teacher's connection has gone."""
        self.teachers -= 1
        self.teacher_left = now

    def lonely(self, now: float) -> float:
        """Seconds since a teacher was there."""
        return 0.0 if self.teachers else now - self.teacher_left

    def end(self) -> None:
        """Nobody gets in any more, and everybody is told."""
        self.over = True
        self._changed("teacher", "student")

    # What students do.

    def answer(self, seat: Seat, message: protocol.Answer) -> None:
        """Take a vote. Raises: BnvizError."""
        if message.id <= seat.last:
            raise ClassroomError("repeated", N_("This answer came before."))
        self._poll(message.poll).answer(seat.name, message.round, message.value)
        seat.last = message.id
        self._changed("teacher", seat=seat)

    def _poll(self, number: int) -> Poll:
        if self.poll is None or self.poll.id != number:
            raise ClassroomError("closed", N_("This question is not on the screens any more."))
        return self.poll

    # What teachers do.

    def carry_out(self, message: protocol.FromTeacher, now: float) -> None:
        """Do what a teacher says. Raises: BnvizError; nothing has changed then."""
        match message:
            case protocol.Ask() | protocol.AskNumber():
                self._ask(message)
            case protocol.Close():
                self._poll(message.poll).close(message.round)
            case protocol.Show():
                self._poll(message.poll).show(message.round)
            case protocol.Again():
                self._poll(message.poll).again(message.round)
            case protocol.Reveal():
                self._poll(message.poll).reveal(message.round, message.correct, message.explanation)
                self.at = message.at or self.at
            case protocol.Clear():
                self._poll(message.poll)
                self.poll = None
            case protocol.Lead():
                self.at = message.at
            case protocol.SetTimer():
                ends = now - self.began + (message.seconds or 0)
                self.timer = protocol.Timer(ends=ends, seconds=message.seconds) if message.seconds else None
            case protocol.GoTo():
                self.step = protocol.Step(plan=message.plan, step=message.step) if message.plan else None
                self._changed("teacher")
                return
            case protocol.End():
                self.end()
                return
        self._changed("teacher", "student")

    def _ask(self, message: protocol.Ask | protocol.AskNumber) -> None:
        question: Question
        if isinstance(message, protocol.Ask):
            question = Choice(message.question, message.options)
        else:
            settings = self.settings_of(message.page, message.topic)
            if settings is None:
                raise ClassroomError("invalid", N_("There is no page {page}."), page=message.page)
            question = number_question(message.question, message.page, message.topic, settings, message.setting)
        self.polls += 1
        self.poll = Poll(self.polls, question)
