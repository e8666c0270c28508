"""HTTP as uvicorn speaks it, without waiting for ever for the rest of a request or for who takes the answer; and a bound on both.

Uvicorn ends a connection that falls silent after an answer, but not one that has not asked yet, whose question never ends, or that does
not read what it asked for: each of these keeps an open file, and a few hundred keep everybody out. A file that never comes keeps others
from sending theirs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

from bnviz.ui.places import Places

WHOLE_SECONDS: Final = 60.0
"""For a request from its beginning to its end: the largest file, 4 MB, comes in that time at 70 kB/s."""
SILENT_SECONDS: Final = 20.0
"""For the next part of it. Browsers ask as soon as they are connected; a phone may be out of reach for some seconds."""
UNREAD_SECONDS: Final = 60.0
"""For the next piece of an answer, 64 kB at most, to be taken."""
UNFINISHED: Final = (h11.IDLE, h11.SEND_BODY)

log = logging.getLogger(__name__)


class WholeRequests(H11Protocol):
    """One connection, which has one of `places` until it becomes a WebSocket: what counts those comes later."""

    def __init__(self, *arguments: Any, places: Places, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._places = places
        self._placed: str | None = None  # the address that has the place
        self._giving_up: asyncio.TimerHandle | None = None
        self._until: float | None = None  # by the loop's clock
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, if there is a place."""
        super().connection_made(transport)
        # What is left of an answer, however little, keeps the connection open; so each byte of it is told to `pause_writing`.
        transport.set_write_buffer_limits(high=0)
        # Of a proxy all connections count as one address's: what it says of its visitors comes with a request.
        address = (get_remote_addr(transport) or ("",))[0]
        if not self._places.take(address):
            log.warning("%s connections are open already; one more from %s was not taken", self._places.taken, address)
            transport.abort()
            return
        self._placed = address
        self._wait_for_the_rest()

    def handle_events(self) -> None:
        """Pass on what came, and wait for the rest of it."""
        super().handle_events()
        self._wait_for_the_rest()

    def send_400_response(self, msg: str) -> None:
        """Tell that what came is no HTTP; where an answer to what came before is being made or was given, end the connection."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or (cycle.response_complete and self.conn.our_state is h11.IDLE):
            super().send_400_response(msg)
            return
        cycle.disconnected = True  # nobody takes the answer
        cycle.message_event.set()
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._no_longer()
        self._taken()
        self._leave()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """What was sent last has not been taken yet."""
        super().pause_writing()
        self._taken()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has."""
        super().resume_writing()
        self._taken()

    def _wait_for_the_rest(self) -> None:
        # A WebSocket, whose request h11 takes for one without an end.
        upgraded = self.transport.get_protocol() is not self
        if upgraded:
            self._leave()
            self.transport.set_write_buffer_limits()
        if upgraded or self.conn.their_state not in UNFINISHED or self.transport.is_closing():
            self._no_longer()
            return
        now = self.loop.time()
        until = now + WHOLE_SECONDS if self._until is None else self._until
        self._no_longer()
        self._until = until
        self._giving_up = self.loop.call_at(min(until, now + SILENT_SECONDS), self._give_up)

    def _give_up(self) -> None:
        """End the connection, unless it is we who do not read."""
        if self.flow.read_paused and self._until is not None and self.loop.time() < self._until:
            self._wait_for_the_rest()
        else:
            self.transport.abort()

    def _no_longer(self) -> None:
        self._until = None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _leave(self) -> None:
        placed, self._placed = self._placed, None
        if placed is not None:
            self._places.leave(placed)
