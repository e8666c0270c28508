"""A TCP relay that counts: what really goes over the wire, compressed as it is, HTTP and WebSocket alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

CHUNK: Final = 2**16


@dataclass(slots=True)
class Wire:
    """A relay in front of the server at `host`:`port`. `received`: bytes that the server has sent through it so far."""

    host: str
    port: int
    url: str = ""
    received: int = 0
    _relays: set[asyncio.Task[None]] = field(default_factory=set)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, both ways, until either side ends it."""
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        there = asyncio.create_task(self._pass_on(reader, server_writer, count=False))
        back = asyncio.create_task(self._pass_on(server_reader, writer, count=True))
        self._relays |= {there, back}
        await asyncio.wait({there, back})
        self._relays -= {there, back}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                self.received += len(data) if count else 0
                writer.write(data)
                await writer.drain()
        writer.close()

    async def stop(self) -> None:
        """End all connections."""
        for task in self._relays:
            task.cancel()


@contextmanager
def counted(url: str) -> Iterator[Wire]:
    """A relay to the server at `url`, at `Wire.url`, in a thread of its own."""
    address = urlsplit(url)
    wire = Wire(address.hostname or "", address.port or 80)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(wire.relay, "127.0.0.1", 0), loop).result()
        wire.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        yield wire
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(wire.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
