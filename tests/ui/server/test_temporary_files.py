"""A system on which nothing can be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.servers import free_port
from bnviz.ui.server import temporary_files
from bnviz.ui.server.temporary_files import find_a_folder
from tests.serving import until_healthy

ROOT = Path(__file__).parents[3]
READ_ONLY = """
import errno, os, sys

def refuse(event, arguments):
    if event == "open" and arguments[2] & os.O_CREAT or event == "os.mkdir" and not os.path.exists(arguments[0]):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), arguments[0])

sys.addaudithook(refuse)
from bnviz.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def nothing_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No folder for temporary files has been chosen yet, and none of the usual ones is there; one that is."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [os.environ.get("TMPDIR", "/nowhere")])
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setenv(temporary_files.TORCH_CACHES, "")
    monkeypatch.delenv(temporary_files.TORCH_CACHES)
    return tmp_path


def test_shared_memory_takes_files_where_no_other_place_does(
    nothing_usual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary_files, "SHARED_MEMORY", str(nothing_usual))
    assert find_a_folder() == str(nothing_usual) == tempfile.gettempdir() == os.environ["TMPDIR"]
    assert Path(os.environ[temporary_files.TORCH_CACHES]).is_dir()


@pytest.mark.usefixtures("nothing_usual")
def test_where_there_is_none_it_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(temporary_files, "SHARED_MEMORY", "/nowhere/either")
    assert find_a_folder() is None
    assert "mount a tmpfs at /tmp" in caplog.text
    assert "TMPDIR" not in os.environ


@pytest.mark.timeout(300)
def test_a_server_starts_serves_and_ends_where_nothing_can_be_written() -> None:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", READ_ONLY, "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        until_healthy(server, f"http://127.0.0.1:{port}")
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert server.returncode == -signal.SIGTERM
    told = said.splitlines()
    assert "no long runs" in told[0]
    for line in told:
        assert line.endswith(("mount a tmpfs at /tmp", "it computes by itself")) or line.startswith("no processes for")
