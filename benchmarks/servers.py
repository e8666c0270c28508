"""The servers that are measured: ours, and small apps with Streamlit's defaults beside it. Each is always stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
APPS: Final = Path(__file__).resolve().parent / "apps"
START_LIMIT_S: Final = 90.0
STOP_LIMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address and its process."""

    url: str
    pid: int
    log: Path = Path()
    """What it has said, where that is kept."""


@contextmanager
def ours() -> Iterator[Server]:
    """The dashboard, as `streamlit run app.py` serves it."""
    with _serve(ROOT / "app.py", ROOT) as server:
        yield server


@contextmanager
def with_a_long_run() -> Iterator[Server]:
    """The dashboard with one more page, whose run takes minutes."""
    with _serve(APPS / "live.py", ROOT) as server:
        yield server


@contextmanager
def the_command(folder: Path) -> Iterator[Server]:
    """The command `bnviz`, with what it says and what it leaves in the empty `folder`."""
    port, temporary = free_port(), folder / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "bnviz", "--address", "127.0.0.1", "--port", str(port)]
    with _started("bnviz", command, folder, port, folder / "log", TMPDIR=str(temporary)) as server:
        yield server


@contextmanager
def viewing(recording: Path, folder: Path) -> Iterator[Server]:
    """`bnviz view` of a recording."""
    port = free_port()
    command = [sys.executable, "-m", "bnviz", "view", str(recording), "--address", "127.0.0.1", "--port", str(port)]
    with _started("bnviz view", command, folder, port, folder / "log") as server:
        yield server


@contextmanager
def comparison(name: str, *options: str) -> Iterator[Server]:
    """The app `apps/<name>.py` with Streamlit's defaults: started where our `.streamlit/config.toml` is not found.

    `options`: what is not left at its default, as `section.option=value`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bnviz-bench-") as folder,
        _serve(APPS / f"{name}.py", Path(folder), *options) as server,
    ):
        yield server


@contextmanager
def _serve(script: Path, folder: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    # Headless and silent like a server anywhere; everything else is what the folder's configuration says.
    always = (
        "server.headless=true",
        "browser.gatherUsageStats=false",
        "server.address=127.0.0.1",
        f"server.port={port}",
    )
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        *(f"--{option}" for option in (*always, *options)),
    ]
    with tempfile.NamedTemporaryFile() as log, _started(script.name, command, folder, port, Path(log.name)) as server:
        yield server


@contextmanager
def _started(name: str, command: list[str], folder: Path, port: int, log: Path, **told: str) -> Iterator[Server]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **told}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", process.pid, log)
        if not _healthy(server, process):
            raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        yield server
    finally:
        _stop(process)


def _healthy(server: Server, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and whatever it started: it leads a process group of its own."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, way)
            process.wait(STOP_LIMIT_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
