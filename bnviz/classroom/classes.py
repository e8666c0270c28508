"""All classes of one server process."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from bnviz.classroom import codes
from bnviz.classroom.errors import ClassroomError
from bnviz.classroom.limits import Buckets, Limits
from bnviz.classroom.polls import Settings
from bnviz.classroom.room import Classroom, Seat
from bnviz.i18n import N_

SECRET_BYTES: Final = 24
LIMITS: Final = Limits()


class Classes:
    """Classes by their codes. Threads and coroutines may use it alike: no method waits for anything but its short lock."""

    def __init__(
        self, settings_of: Settings, limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.lock = threading.RLock()
        """Held whenever a class is read or changed."""
        self._settings_of = settings_of
        self._rooms: dict[str, Classroom] = {}
        self._guesses = Buckets(limits.guesses, limits.addresses)
        self._starts = Buckets(limits.starts, limits.addresses)

    def __len__(self) -> int:
        with self.lock:
            self.sweep()
            return len(self._rooms)

    @property
    def rooms(self) -> list[Classroom]:
        """All classes, for whoever watches the server; read and change them under `lock`."""
        with self.lock:
            return list(self._rooms.values())

    def start(self, address: str) -> tuple[Classroom, str]:
        """A new class, and its teacher's secret, which the server does not keep. Raises: ClassroomError."""
        with self.lock:
            self.sweep()
            if len(self._rooms) >= self.limits.classes:
                self._make_room()
            now = self.clock()
            if wait := self._starts.take(address, now):
                raise ClassroomError(
                    "too_fast",
                    N_("Too many classes were started from here. Try again in {wait} s."),
                    seconds=wait,
                    wait=_whole(wait),
                )
            secret = secrets.token_urlsafe(SECRET_BYTES)
            room = Classroom(codes.new_code(self._rooms), digest(secret), self.limits, self._settings_of, now)
            self._rooms[room.code] = room
            return room, secret

    def _make_room(self) -> None:
        now = self.clock()
        unused = [room for room in self._rooms.values() if not room.seats and room.lonely(now) >= self.limits.unused]
        if not unused:
            raise ClassroomError(
                "server_full",
                N_("This server holds {count} classes, and all are taken. Try again later."),
                count=len(self._rooms),
            )
        self._end(max(unused, key=lambda room: room.lonely(now)))

    def join(self, code: str, token: str | None, address: str) -> tuple[Classroom, Seat, str]:
        """A student's seat in a class, and the token that brings it back. Raises: ClassroomError.

        Whoever has a seat already does not guess, and is let in whatever others at the same address do.
        """
        with self.lock:
            self.sweep()
            room = self._rooms.get(codes.normalized(code))
            if room is None or token is None or digest(token) not in room.seats:
                token = secrets.token_urlsafe(SECRET_BYTES)  # the browser does not choose its name
                self._may_guess(address)
            if room is None:
                self._guesses.take(address, self.clock())
                raise _unknown(codes.normalized(code))
            return room, room.take_seat(digest(token), self.clock()), token

    def teach(self, code: str, secret: str, address: str) -> Classroom:
        """The class that `secret` steers. Raises: ClassroomError, with the same words whether class or secret is wrong."""
        with self.lock:
            self.sweep()
            room = self._rooms.get(codes.normalized(code))
            if room is None or not hmac.compare_digest(room.secret, digest(secret)):
                self._may_guess(address)
                self._guesses.take(address, self.clock())
                raise ClassroomError(
                    "not_teacher", N_("This link does not open the class as its teacher, or the class has ended.")
                )
            room.enter_teacher()
            return room

    def _may_guess(self, address: str) -> None:
        """Raises: ClassroomError where an address was wrong too often; it is not even told whether it is right now."""
        if wait := self._guesses.wait(address, self.clock()):
            raise ClassroomError(
                "too_fast",
                N_("Too many wrong codes came from here. Try again in {wait} s."),
                seconds=wait,
                wait=_whole(wait),
            )

    def sweep(self) -> None:
        """End the classes that their teachers have left for good."""
        with self.lock:
            now = self.clock()
            for room in self.rooms:
                if room.over or room.lonely(now) >= self.limits.without_teacher:
                    self._end(room)

    def _end(self, room: Classroom) -> None:
        del self._rooms[room.code]
        if not room.over:
            room.end()


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def _unknown(code: str) -> ClassroomError:
    if not code:
        return ClassroomError("unknown_class", N_("A class code is a word and a number, like otter-7."))
    return ClassroomError(
        "unknown_class", N_("There is no class {code}. Check the code; perhaps the class has ended."), code=code
    )


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
