"""WebSockets as uvicorn carries them, which end where more frames come than any browser sends.

What a frame costs is spent on the event loop, which is everybody's, and mostly before any of our code sees it: pings are answered,
parts of a message are kept until its last, and neither is a message that `limits` could count.
"""

from __future__ import annotations

import time
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bnviz.classroom.limits import Bucket, Rate

FRAMES: Final = Rate(1000, 500)
"""Of one connection. More than its messages, which may come in parts, and the answers to our pings."""
PIECE: Final = 2**12
"""Bytes that are taken apart at once. What a socket has ready may be 40,000 frames."""


class BoundedFrames(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._frames = Bucket(FRAMES, time.monotonic())

    def data_received(self, data: bytes) -> None:
        """Take apart what came, piece by piece, until it is too much."""
        for begin in range(0, len(data), PIECE):
            if self.transport.is_closing():
                return
            super().data_received(data[begin : begin + PIECE])
        # The request comes first, and whole. One that is not understood, as with a line of 9 kB, would be waited for: for ever.
        if not self.handshake_initiated:
            self.transport.abort()

    def handle_events(self) -> None:
        """Pass on what was taken apart. Ends the connection without a farewell where it was too much: nobody who floods listens."""
        now = time.monotonic()
        if any(self._frames.take(now) for _ in self.conn.events):
            self.transport.abort()
            return
        super().handle_events()
