"""HTTP as uvicorn speaks it, which does not wait for ever for the rest of a request.

Uvicorn ends a connection that falls silent after an answer, but not one that has not asked yet, or whose question never ends: each of
these keeps an open file, and a few hundred keep everybody out.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

WHOLE_SECONDS: Final = 60.0
"""For a request from its beginning to its end: the largest file, 4 MB, comes in that time at 70 kB/s."""
UNFINISHED: Final = (h11.IDLE, h11.SEND_BODY)


class WholeRequests(H11Protocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait_for_the_rest()

    def handle_events(self) -> None:
        """Pass on what came, and wait for the rest of it."""
        super().handle_events()
        self._wait_for_the_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._no_longer()
        super().connection_lost(exc)

    def _wait_for_the_rest(self) -> None:
        upgraded = (
            self.transport.get_protocol() is not self
        )  # a WebSocket, whose request h11 takes for one without an end
        if upgraded or self.conn.their_state not in UNFINISHED or self.transport.is_closing():
            self._no_longer()
        elif self._giving_up is None:
            self._giving_up = self.loop.call_later(WHOLE_SECONDS, self.transport.abort)

    def _no_longer(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
