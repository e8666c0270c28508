"""`bnviz` starts the server here."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tomllib
from collections.abc import Mapping
from functools import partial
from multiprocessing.util import get_temp_dir
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bnviz.ui.server import sockets

SETTINGS: Final = Path(__file__).parents[1] / "streamlit.toml"
GOODBYE_SECONDS: Final = 5
"""For connections to end by themselves when the server is told to."""


def options(settings: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Streamlit's settings by their full names, `theme.light.primaryColor`."""
    named: dict[str, Any] = {}
    for name, value in settings.items():
        full = f"{section}.{name}" if section else name
        named |= options(value, full) if isinstance(value, Mapping) else {full: value}
    return named


def serve(port: int = 8501, address: str = "localhost", base_path: str = "", recording: Path | None = None) -> None:
    """Serve the dashboard until the process is told to end. Raises OSError where the port is taken.

    `base_path`: what stands before every path, for a server that shares its address with others. `recording`: a file that the page
    "Your model" shows to everybody, and follows while it grows.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    listening = sockets.listen(address, port)
    port = listening[0].getsockname()[1]

    import streamlit as st
    from streamlit import config as streamlit_config

    named = options(tomllib.loads(SETTINGS.read_text(encoding="utf-8")))
    named |= {"server.port": port, "server.address": address, "server.baseUrlPath": base_path}
    streamlit_config.get_config_options(force_reparse=True, options_from_flags=named)

    import uvicorn

    from bnviz.ui import recordings, visit
    from bnviz.ui.places import Places
    from bnviz.ui.server.application import FRAME, surroundings
    from bnviz.ui.server.frames import BoundedFrames
    from bnviz.ui.server.limits import LARGEST_MESSAGE, most_connections
    from bnviz.ui.server.waiting_room import Server
    from bnviz.ui.server.whole_requests import WholeRequests

    recordings.follow(recording)

    config = uvicorn.Config(
        st.App(FRAME, **surroundings()),
        http=partial(WholeRequests, places=Places(most_connections())),  # type: ignore[arg-type]
        ws=BoundedFrames,
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=30,
        ws_ping_timeout=30,
        access_log=False,
        use_colors=False,
        log_level="warning",
        backlog=sockets.AT_ONCE,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    _tell(address, port, base_path, "" if recording is None else visit.MODEL)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, _end)
    try:
        Server(config).run(sockets=listening)
    finally:
        for place in listening:
            place.close()


def _tell(address: str, port: int, base_path: str, page: str) -> None:
    """Print where the dashboard is."""
    shown = "localhost" if address in {"0.0.0.0", "::", "127.0.0.1", "::1"} else address
    path = "/".join(part for part in (base_path.strip("/"), page) if part)
    with contextlib.suppress(OSError):  # the disk behind it may be full: no reason not to serve
        print(f"bnviz: http://{shown}:{port}/{path}", flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    """End by this signal, which uvicorn sends once more when it is done: Python then removes nothing that it keeps for its processes."""
    with contextlib.suppress(FileNotFoundError):  # there never was one
        shutil.rmtree(get_temp_dir(), ignore_errors=True)
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
