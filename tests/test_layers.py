"""The floors of the house: the contracts in pyproject.toml hold and can fail; `app.py` and `pages/` stay thin."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "pages").glob("*.py"))
FLOORS = ("ui", "lessons", "jobs", "experiments", "figures", "export", "core", "theory")
BASE = ("settings", "errors", "i18n")
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
    """A house with all floors and nothing in them."""
    for floor in ("", *FLOORS, "ui/chart"):
        package = tmp_path / "bnviz" / floor
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
    for module in BASE:
        (tmp_path / "bnviz" / f"{module}.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("ui/page.py", "bnviz.lessons, bnviz.experiments, bnviz.figures, bnviz.export, bnviz.i18n, streamlit"),
        ("ui/chart/component.py", "plotly.io"),
        ("lessons/layer.py", "bnviz.experiments, bnviz.figures, bnviz.export, bnviz.settings"),
        ("jobs/pool.py", "bnviz.experiments, bnviz.errors"),
        ("experiments/layer.py", "bnviz.core, bnviz.theory, bnviz.settings, torch.nn"),
        ("figures/layer.py", "bnviz.theory, bnviz.errors, plotly.graph_objects"),
        ("export/html.py", "bnviz.theory, bnviz.settings, plotly.io"),
        ("core/layer.py", "bnviz.settings, bnviz.errors, torch"),
        ("theory/running.py", "bnviz.errors, scipy.stats, numpy"),
    ],
)
def test_the_architecture_allows(house: Path, module: str, imported: str) -> None:
    (house / "bnviz" / module).write_text(f"import {imported}\n", encoding="utf-8")
    result = lint_imports(house)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("floors", "lessons/layer.py", "bnviz.ui"),
        ("floors", "jobs/pool.py", "bnviz.lessons"),
        ("floors", "experiments/layer.py", "bnviz.jobs"),
        ("floors", "experiments/layer.py", "bnviz.lessons"),
        ("floors", "experiments/layer.py", "bnviz.figures"),
        ("floors", "figures/layer.py", "bnviz.experiments"),
        ("floors", "figures/layer.py", "bnviz.export"),
        ("floors", "export/html.py", "bnviz.figures"),
        ("floors", "export/html.py", "bnviz.experiments"),
        ("floors", "core/layer.py", "bnviz.theory"),
        ("floors", "core/layer.py", "bnviz.experiments"),
        ("floors", "theory/running.py", "bnviz.core"),
        ("floors", "settings.py", "bnviz.core"),
        ("floors", "errors.py", "bnviz.ui"),
        ("floors", "cellar.py", "bnviz.errors"),
        ("pictures-compute-nothing", "figures/layer.py", "bnviz.core"),
        ("pictures-compute-nothing", "export/html.py", "bnviz.core"),
        ("theory-stands-alone", "theory/running.py", "bnviz.settings"),
        ("theory-stands-alone", "theory/running.py", "bnviz.i18n"),
        *(("torch", f"{floor}/a.py", "torch.nn") for floor in FLOORS if floor not in {"core", "experiments"}),
        *(("torch", f"{base}.py", "torch") for base in BASE),
        *(("plotly", f"{floor}/a.py", "plotly.io") for floor in FLOORS if floor not in {"figures", "export"}),
        *(("streamlit", f"{floor}/a.py", "streamlit") for floor in FLOORS if floor != "ui"),
        *(("scikit-learn", f"{floor}/a.py", "sklearn.datasets") for floor in FLOORS),
    ],
)
def test_the_architecture_forbids(house: Path, contract: str, module: str, imported: str) -> None:
    """The import stands in a function, where it is just as forbidden."""
    (house / "bnviz" / module).write_text(f"def late():\n    import {imported}\n", encoding="utf-8")
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
def test_pages_import_only_ui_and_lessons(page: Path) -> None:
    assert not outside(page, "bnviz.ui", "bnviz.lessons", "streamlit")


def test_the_server_imports_only_ui() -> None:
    assert not outside(ROOT / "app.py", "bnviz.ui", "streamlit", "starlette")


@pytest.mark.parametrize("path", [ROOT / "app.py", *PAGES], ids=lambda path: path.stem)
def test_app_and_pages_are_thin(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_a_fat_or_curious_page_would_be_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text("import json\nfrom bnviz import ui, core\nfrom bnviz.core.layer import run\nimport torch.nn\n")
    assert outside(page, "bnviz.ui") == {"bnviz.core", "bnviz.core.layer", "torch.nn"}
