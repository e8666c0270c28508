"""The one thing that bnviz changes inside Python still is where it was, and still does what it should."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing import spawn
from pathlib import Path

import pytest

from bnviz.jobs import interpreter_hooks

ROOT = Path(__file__).parents[2]

# As Streamlit does: the main module is a page, which must run for visitors only.
PAGE = """
print("page runs", flush=True)
"""
SERVER = """
import importlib.util, sys
from bnviz.jobs.processes import OneWorker
from bnviz.jobs.worker import ready
if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("__main__", {page!r})
    page = importlib.util.module_from_spec(spec)
    page.__spec__ = None
    sys.modules["__main__"] = page
    worker = OneWorker()
    print(worker.submit(ready).result() > 0, flush=True)
    worker.shutdown()
"""


def test_python_has_what_is_changed() -> None:
    """Fails under a Python that starts processes in another way: look for a public switch there, or mend the hook."""
    assert interpreter_hooks.knows_main()


def test_a_worker_does_not_run_the_page_that_the_server_is_running(tmp_path: Path) -> None:
    page, server = tmp_path / "page.py", tmp_path / "server.py"
    page.write_text(PAGE)
    server.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n" + SERVER.format(page=str(page)))
    done = subprocess.run([sys.executable, server], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_python_that_has_moved_is_told_in_the_log_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in interpreter_hooks.FIXUPS:
        monkeypatch.setattr(spawn, name, lambda main_path, reload: None)
    before = vars(spawn).copy()
    interpreter_hooks.leave_main_alone()
    assert vars(spawn) == before
    assert "in another way" in caplog.text
