"""An application on a port of its own, as our server would serve it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import uvicorn
from starlette.applications import Starlette

from bnviz.ui.server.sockets import AT_ONCE
from bnviz.ui.server.waiting_room import Server
from tests.waiting import wait


@contextmanager
def served(app: Starlette, **protocol: Any) -> Iterator[int]:
    """The port; `protocol`: uvicorn's `http` or `ws`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        named = {"log_level": "warning", "lifespan": "off", "timeout_graceful_shutdown": 1, "backlog": AT_ONCE}
        server = Server(uvicorn.Config(app, **named, **protocol))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            serving.join()


def until_healthy(server: subprocess.Popen[str], address: str) -> None:
    """Wait until the server answers at `address`; fail where it ends before."""

    def answers() -> bool:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=5) as health:
                assert health.read() == b"ok"
        except OSError:
            assert server.poll() is None
            return False
        return True

    wait(answers)
