"""The sockets that the server listens on, from which every small message leaves at once.

A rerun is dozens of small messages. Under Nagle's algorithm each would wait until the browser has acknowledged the one
before, which it may put off for 40 ms (Linux) or 200 (Windows). asyncio switches it off only for sockets that name their
protocol.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

AT_ONCE: Final = 64
"""Connections that are taken from the door at one turn of the event loop. One that is refused is an open file for three turns more."""
BACKLOG: Final = 4096
"""Connections that wait at the door, where they are no open files of ours; whoever finds it full asks again a second later."""
DESCRIPTORS: Final = Path("/proc/self/fd")


def listen(address: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `port` under every address of `address`; 0 for a free port, the same for all. Raises OSError."""
    found = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )
    listening: list[socket.socket] = []
    for family, kind, protocol, _, where in dict.fromkeys(found):
        one = socket.socket(family, kind, protocol)  # its connections name their protocol as well
        try:
            if os.name != "nt":  # where it would let two servers have one port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            chosen = listening[0].getsockname()[1] if listening else port
            one.bind((where[0], chosen, *where[2:]))
            one.listen(BACKLOG)
            one.setblocking(False)
        except OSError:
            one.close()
            if family == socket.AF_INET6 and len(found) > 1:  # a machine without IPv6
                continue
            for other in listening:
                other.close()
            raise
        listening.append(one)
    return listening


def send_at_once() -> None:
    """The same for sockets that somebody else has opened in this process, as `streamlit run` does (Linux).

    What is accepted inherits the option.
    """
    if not DESCRIPTORS.is_dir():
        return
    for entry in list(DESCRIPTORS.iterdir()):
        try:
            descriptor = os.dup(int(entry.name))
        except OSError:  # of the listing itself
            continue
        try:
            one = socket.socket(fileno=descriptor)
        except OSError:  # no socket
            os.close(descriptor)
            continue
        with one:
            internet = one.family in {socket.AF_INET, socket.AF_INET6} and one.type == socket.SOCK_STREAM
            if internet and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
