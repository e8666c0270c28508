"""One browser's connection to a class, whatever carries its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bnviz.classroom import protocol
from bnviz.classroom.classes import Classes
from bnviz.classroom.errors import ClassroomError
from bnviz.classroom.limits import Bucket
from bnviz.classroom.room import Classroom, Role, Seat
from bnviz.errors import BnvizError
from bnviz.i18n import N_

# Close codes of WebSockets (RFC 6455); those from 4000 on are ours.
NORMAL: Final = 1000
REFUSED: Final = 4404  # the browser need not try again by itself
TOO_FAST: Final = 4429


class Connection:
    """Takes frames, answers them, and says when there is a newer state.

    `wake` is called, from any thread, whenever `pending` may have something new; it must return at once. Once `closed` is not None,
    everything has been said and the carrier closes with that code.
    """

    def __init__(self, classes: Classes, address: str, wake: Callable[[], None]) -> None:
        self.closed: int | None = None
        self.room: Classroom | None = None
        self.role: Role | None = None
        """None until the browser has begun."""
        self._classes = classes
        self._address = address
        self._wake = wake
        self._seat: Seat | None = None
        self._bucket = Bucket(classes.limits.teacher, classes.clock())
        self._sent = 0
        self._floods = 0

    def receive(self, frame: str | bytes) -> list[str]:
        """The answers to a frame of the browser."""
        if self.closed is not None:
            return []
        with self._classes.lock:
            self._classes.sweep()
            message: protocol.FromBrowser | None = None
            try:
                self._slow_enough()
                message = protocol.read(frame)
                return [self._handle(message).model_dump_json()]
            except BnvizError as error:
                if self.role is None:
                    self.closed = REFUSED
                return [self._refused(getattr(message, "id", None), error)]

    def pending(self) -> str | None:
        """The newest state, if the browser has not got it yet; at the class's end, the word of it."""
        with self._classes.lock:
            if self.room is None or self.closed is not None:
                return None
            if self.room.over:
                self.closed = NORMAL
                return protocol.Ended(sentence=protocol.Text.of(N_("The class is over."))).model_dump_json()
            version = self.room.version(self._seat)
            if version == self._sent:
                return None
            self._sent = version
            return self.room.state(self._seat, self._classes.clock())

    def leave(self) -> None:
        """The browser has gone. Called once, however it went."""
        with self._classes.lock:
            if self.room is None:
                return
            self.room.listeners.pop(self._wake, None)
            now = self._classes.clock()
            if self._seat is not None:
                self.room.leave_seat(self._seat, now)
            else:
                self.room.leave_teacher(now)
            self.room = None

    def _slow_enough(self) -> None:
        """Raises: ClassroomError."""
        bucket = self._seat.bucket if self._seat else self._bucket
        wait = bucket.take(self._classes.clock())
        self._floods = self._floods + 1 if wait else 0
        if self._floods >= self._classes.limits.flood:
            self.closed = TOO_FAST
        if wait:
            raise ClassroomError("too_fast", N_("That was too fast. Wait a moment and try again."), seconds=wait)

    def _handle(self, message: protocol.FromBrowser) -> protocol.FromServer:
        match message:
            case protocol.Start() | protocol.Join() | protocol.Teach():
                return self._begin(message)
            case _ if self.room is None:
                raise ClassroomError("invalid", N_("Join a class first."))
            case protocol.Ping():
                return protocol.Pong()
            case protocol.Answer():
                if self._seat is None:
                    raise ClassroomError("invalid", N_("A teacher has no vote."))
                self.room.answer(self._seat, message)
            case _:
                if self._seat is not None:
                    raise ClassroomError("not_teacher", N_("Only the teacher can do that."))
                self.room.carry_out(message, self._classes.clock())
        return protocol.Done(id=message.id)

    def _begin(self, message: protocol.Beginning) -> protocol.Welcome:
        if self.role is not None:
            raise ClassroomError("invalid", N_("This page is in a class already."))
        protocol.checked_version(message.version)
        classes, since, token, secret = self._classes, 0, None, None
        match message:
            case protocol.Start():
                self.room, secret = classes.start(self._address)
                self.room.enter_teacher()
            case protocol.Teach():
                self.room, since = classes.teach(message.code, message.secret, self._address), message.since
            case protocol.Join():
                self.room, self._seat, token = classes.join(message.code, message.token, self._address)
                since = message.since if token == message.token else 0
        self.role = "student" if self._seat else "teacher"
        self.room.listeners[self._wake] = self._seat
        self._sent = since
        return protocol.Welcome(role=self.role, code=self.room.code, token=token, secret=secret)

    @staticmethod
    def _refused(number: int | None, error: BnvizError) -> str:
        reason = error.reason if isinstance(error, ClassroomError) else "invalid"
        seconds = error.seconds if isinstance(error, ClassroomError) else 0.0
        sentence = protocol.Text.of(error.phrase)
        return protocol.Refused(id=number, reason=reason, sentence=sentence, seconds=seconds).model_dump_json()
