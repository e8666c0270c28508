"""The wheel, installed elsewhere: a light import, a command, and every page with its scripts."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

from bnviz import __version__
from bnviz.labs.course import LABS

ROOT = Path(__file__).parents[1]
MADE_OF = ("bnviz", "pages", "setup.py", "pyproject.toml", "README.md", "LICENSE")
HEAVY = ("torch", "streamlit", "numpy", "babel", "pydantic", "plotly", "pandas")
PATIENCE = 120


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in MADE_OF:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist", folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel in it; what bnviz depends on comes from here, so nothing is downloaded."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("lib*/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = folder / "bin" / "python"
    pip(sys.executable, "--python", python, "install", "--no-deps", "--no-index", wheel)
    return folder / "bin"


def pip(python: str | Path, *arguments: str | Path) -> None:
    """Run pip without the network."""
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert result.returncode == 0, result.stdout + result.stderr


def surroundings() -> dict[str, str]:
    """The environment without what would let the sources of this tree be found."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STREAMLIT"))}


def output(installed: Path, program: str, *arguments: str) -> str:
    """What a program of the new environment prints."""
    command = [str(installed / program), *arguments]
    result = subprocess.run(command, cwd=installed, env=surroundings(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    printed: str = result.stdout
    return printed.strip()


@pytest.fixture(scope="module")
def address(installed: Path) -> Iterator[str]:
    """Where the command `bnviz` serves, started away from the sources on a port that was free."""
    server = subprocess.Popen(
        [installed / "bnviz", "--port", "0"],
        cwd=installed,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        ready, _, _ = select.select([server.stdout], [], [], PATIENCE)
        assert ready, "the command said nothing"
        line = server.stdout.readline()
        found = re.fullmatch(r"bnviz: (http://\S+?)/?\n", line)
        assert found, line + (server.stdout.read() if server.poll() is not None else "")
        yield found[1]
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


def fetched(url: str) -> tuple[str, bytes]:
    """Content type and content at `url`, once the server is there."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(url, timeout=PATIENCE) as answer:
                return answer.headers["Content-Type"], answer.read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_the_wheel_holds_pages_texts_scripts_and_types_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    for folder, pattern in (("bnviz", "*"), ("pages", "*.py")):
        for path in (ROOT / folder).rglob(pattern):
            wanted = path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
            prefix = "" if folder == "bnviz" else "bnviz/"
            assert not wanted or prefix + path.relative_to(ROOT).as_posix() in names, path
    assert "bnviz/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {"bnviz", f"bnviz-{__version__}.dist-info"}


def test_the_version_comes_from_one_place(installed: Path) -> None:
    assert output(installed, "bnviz", "--version") == f"bnviz {__version__}"
    assert output(installed, "python", "-m", "bnviz", "--version") == f"bnviz {__version__}"
    from_metadata = "from importlib.metadata import version; print(version('bnviz'))"
    assert output(installed, "python", "-c", from_metadata) == __version__
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_help_names_port_and_address(installed: Path) -> None:
    text = output(installed, "bnviz", "--help")
    assert "--port" in text
    assert "--address" in text


def test_the_import_is_light_and_comes_from_the_wheel(installed: Path) -> None:
    loaded = f"import bnviz, sys; print(bnviz.__file__, *(name for name in {HEAVY} if name in sys.modules))"
    where, *heavy = output(installed, "python", "-c", loaded).split()
    assert Path(where).is_relative_to(installed.parent)
    assert heavy == []


def test_an_experiment_runs_without_the_dashboard(installed: Path) -> None:
    code = (
        "import sys, bnviz; result = bnviz.run('running_stats', batch_size=16);"
        "print(result.settings.batch_size, 'streamlit' in sys.modules, 'plotly' in sys.modules)"
    )
    assert output(installed, "python", "-c", code) == "16 False False"


def test_the_command_serves_every_page_and_the_scripts(address: str) -> None:
    assert fetched(f"{address}/_stcore/health")[1] == b"ok"
    for page in ("", *(lab.name for lab in LABS)):
        kind, content = fetched(f"{address}/{page}")
        assert kind.startswith("text/html"), page
        assert b"<html" in content
    from bnviz.ui import assets

    for name in ("player.js", "chart.js", "plotly-cartesian.min.js"):
        kind, content = fetched(f"{address}{assets.mount_path()}/{name}")
        assert kind.startswith(("text/javascript", "application/javascript")), name
        assert content == assets.files()[name].read_bytes()
