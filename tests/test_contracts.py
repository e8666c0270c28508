"""The rooms of the house: the contracts in pyproject.toml hold and can fail; `app.py` and `pages/` stay thin."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "pages").glob("*.py"))
ROOMS = ("ui", "jobs", "teaching", "study", "core", "plot", "scripting", "theory", "inspect", "classroom")
TOPIC_FILES = ("settings", "result", "experiment", "figures", "script", "lesson")
BASE = ("settings", "errors", "i18n", "lazy", "work")
LONGEST = 60


def lint_imports(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the contracts of this repository over the packages under `root`."""
    command = [
        Path(sys.executable).with_name("lint-imports"),
        "--config",
        ROOT / "pyproject.toml",
        "--no-cache",
        *options,
    ]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house with all rooms, three labs (one of them with a topic), and nothing in them."""
    for room in ("", *ROOMS, "labs", "labs/layer", "labs/running_stats", "labs/modes", "labs/modes/gap"):
        package = tmp_path / "bnviz" / room
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
    for folder in ("layer", "running_stats", "modes/gap"):
        for name in TOPIC_FILES:
            (tmp_path / "bnviz/labs" / folder / f"{name}.py").touch()
    for lab in ("layer", "running_stats", "modes"):
        (tmp_path / "bnviz/labs" / lab / "lab.py").touch()
    (tmp_path / "bnviz/labs/course.py").write_text(
        "import bnviz.labs.layer.lab, bnviz.labs.running_stats.lab, bnviz.labs.modes.lab\n", encoding="utf-8"
    )
    for module in BASE:
        (tmp_path / "bnviz" / f"{module}.py").touch()
    return tmp_path


ALLOWED = (
    ("cli.py", "bnviz.ui, bnviz.inspect"),
    ("ui/page.py", "bnviz.labs.course, bnviz.classroom, bnviz.jobs, bnviz.i18n, streamlit, plotly.io"),
    ("jobs/pool.py", "bnviz.study, bnviz.errors"),
    ("inspect/check.py", "bnviz.core, bnviz.theory, torch"),
    ("labs/modes/lab.py", "bnviz.labs.modes.gap.lesson, bnviz.teaching"),
    ("labs/layer/lesson.py", "bnviz.labs.layer.experiment, bnviz.labs.layer.figures, bnviz.labs.layer.script"),
    ("labs/layer/experiment.py", "bnviz.labs.layer.result, bnviz.core, bnviz.study, torch.nn"),
    ("labs/layer/figures.py", "bnviz.labs.layer.result, bnviz.plot, bnviz.theory, plotly.graph_objects"),
    ("labs/layer/result.py", "bnviz.labs.layer.settings, bnviz.study, numpy"),
    ("study/verdict.py", "bnviz.plot, bnviz.theory, scipy.special"),
    ("theory/running.py", "bnviz.errors, scipy.stats, numpy"),
)
FORBIDDEN = {
    "torch": (
        *(f"{room}/a" for room in ROOMS if room not in {"core", "inspect", "classroom"}),
        *(f"labs/modes/gap/{name}" for name in TOPIC_FILES if name != "experiment"),
        *BASE,
    ),
    "plotly.io": (
        *(f"{room}/a" for room in ("jobs", "teaching", "core", "scripting", "theory")),
        *(f"labs/layer/{name}" for name in TOPIC_FILES if name != "figures"),
    ),
    "streamlit": tuple(f"{room}/a" for room in (*ROOMS[1:8], "labs/layer")),
    "sklearn.datasets": tuple(f"{room}/a" for room in ROOMS),
}
"""Which modules may not import what; the contract is called as what it forbids."""
CONTRACTS = {"torch": "torch", "plotly.io": "plotly", "streamlit": "streamlit", "sklearn.datasets": "scikit-learn"}
LATE = "def late():\n    import {}\n"
"""The import stands in a function, where it is just as forbidden."""


def test_the_architecture_allows(house: Path) -> None:
    for module, imported in ALLOWED:
        (house / "bnviz" / module).write_text(f"import {imported}\n", encoding="utf-8")
    result = lint_imports(house)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("package", FORBIDDEN)
def test_the_architecture_forbids_a_package(house: Path, package: str) -> None:
    for module in FORBIDDEN[package]:
        (house / "bnviz" / f"{module}.py").write_text(LATE.format(package), encoding="utf-8")
    result = lint_imports(house, "--contract", CONTRACTS[package])
    assert result.returncode == 1, result.stdout + result.stderr
    found = set(re.findall(rf"- +bnviz\.(\S+) -> {package.partition('.')[0]} ", result.stdout))
    assert found == {module.replace("/", ".") for module in FORBIDDEN[package]}, result.stdout


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("layers", "labs/layer/lesson.py", "bnviz.ui"),
        ("layers", "jobs/pool.py", "bnviz.teaching"),
        ("layers", "study/verdict.py", "bnviz.labs.layer"),
        ("layers", "plot/chart.py", "bnviz.study"),
        ("layers", "core/layer.py", "bnviz.theory"),
        ("layers", "settings.py", "bnviz.core"),
        ("layers", "inspect/check.py", "bnviz.labs.layer"),
        ("layers", "cellar.py", "bnviz.errors"),
        ("labs", "labs/layer/lesson.py", "bnviz.labs.running_stats.experiment"),
        ("labs", "labs/modes/gap/figures.py", "bnviz.labs.layer.figures"),
        ("topic", "labs/layer/experiment.py", "bnviz.labs.layer.figures"),
        ("topic", "labs/layer/figures.py", "bnviz.labs.layer.experiment"),
        ("topic", "labs/modes/gap/result.py", "bnviz.labs.modes.gap.figures"),
        ("topic", "labs/modes/gap/settings.py", "bnviz.labs.modes.gap.result"),
        ("circles", "labs/modes/gap/lesson.py", "bnviz.labs.modes.lab\nimport bnviz.labs.modes.gap.circle"),
        ("result", "labs/layer/result.py", "bnviz.core"),
        ("figures", "labs/modes/gap/figures.py", "bnviz.core"),
        ("theory-stands-alone", "theory/running.py", "bnviz.settings"),
        ("theory-stands-alone", "theory/running.py", "bnviz.i18n"),
        ("dask", "jobs/pool.py", "distributed.client"),
    ],
)
def test_the_architecture_forbids(house: Path, contract: str, module: str, imported: str) -> None:
    (house / "bnviz" / module).write_text(LATE.format(imported.replace("\n", "\n    ")), encoding="utf-8")
    if contract == "circles":
        (house / "bnviz/labs/modes/gap/circle.py").write_text("import bnviz.labs.modes.gap.lesson\n", encoding="utf-8")
    result = lint_imports(house, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout, result.stdout + result.stderr


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports anywhere in it; `from a import b` counts as `a.b` where `a` is bnviz itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import outside a package"
            yield from (f"bnviz.{name.name}" for name in node.names) if node.module == "bnviz" else (node.module,)


def outside(path: Path, *allowed: str) -> set[str]:
    """Imports of `path` other than the standard library's and those of the `allowed` packages."""
    packages = (*allowed, *sys.stdlib_module_names)
    return {name for name in imports(path) if not any(f"{name}.".startswith(f"{package}.") for package in packages)}


def test_there_are_pages() -> None:
    assert {"layer", "running_stats", "gradient_flow"} <= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_import_only_ui_and_labs(page: Path) -> None:
    assert not outside(page, "bnviz.ui", "bnviz.labs", "streamlit")


def test_the_server_imports_only_ui() -> None:
    assert not outside(ROOT / "app.py", "bnviz.ui", "streamlit", "starlette")


@pytest.mark.parametrize("path", [ROOT / "app.py", *PAGES], ids=lambda path: path.stem)
def test_app_and_pages_are_thin(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_a_fat_or_curious_page_would_be_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text("import json\nfrom bnviz import ui, core\nfrom bnviz.core.layer import run\nimport torch.nn\n")
    assert outside(page, "bnviz.ui") == {"bnviz.core", "bnviz.core.layer", "torch.nn"}


SETTABLE = {
    "time.time",
    "time.localtime",
    "time.ctime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
"""Clocks that somebody, or a time server, may set: a second may be followed by the one before, or by a day later."""


def settable_clocks(text: str) -> set[str]:
    """Those that a module reads, by attribute or imported by name."""
    nodes = list(ast.walk(ast.parse(text)))
    read = {".".join(ast.unparse(node).split(".")[-2:]) for node in nodes if isinstance(node, ast.Attribute)}
    read |= {f"{node.module}.{name.name}" for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return read & SETTABLE


def test_nothing_goes_by_a_clock_that_can_be_set() -> None:
    """Waits, queues, classes, timers and limits live on when the clock jumps."""
    read = {str(path): settable_clocks(path.read_text(encoding="utf-8")) for path in (ROOT / "bnviz").rglob("*.py")}
    assert not {path: clocks for path, clocks in read.items() if clocks}
    assert settable_clocks("import time\nprint(time.time())") == {"time.time"}
    assert settable_clocks("from time import time") == {"time.time"}
    assert settable_clocks("import datetime\ndatetime.datetime.now()") == {"datetime.now"}
    assert not settable_clocks("import time\ntime.monotonic()")
