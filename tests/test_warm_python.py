"""The Python that runs exported scripts is no other than the one that a stranger would start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bnviz.labs.layer.lesson import TOPIC
from bnviz.labs.layer.settings import Settings
from tests.conftest import RunScript


def test_a_script_prints_what_it_prints_when_started_alone(run_script: RunScript, tmp_path: Path) -> None:
    source = TOPIC.script(Settings(steps=5))
    path = tmp_path / "alone.py"
    path.write_text(source, encoding="utf-8")
    alone = subprocess.run([sys.executable, "-I", path], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run_script(source, tmp_path) == {
        name: float(value) for name, _, value in (line.split()[:3] for line in alone.stdout.splitlines())
    }


def test_scripts_know_nothing_of_each_other_and_of_bnviz(run_script: RunScript, tmp_path: Path) -> None:
    assert run_script("import torch\ntorch.manual_seed(7)\ntorch.leaked = 1\nprint('a = 1')", tmp_path) == {"a": 1}
    assert run_script("import torch\nprint('b =', int(hasattr(torch, 'leaked')))", tmp_path) == {"b": 0}
    assert run_script("from pathlib import Path\nprint('c =', len(Path('script.py').read_text()))", tmp_path)["c"] > 9
    with pytest.raises(AssertionError, match="No module named 'bnviz'"):
        run_script("import bnviz", tmp_path)


@pytest.mark.parametrize(
    "source", ["raise ValueError('told')", "import sys\nsys.exit('told')", "import os\nos.abort()"]
)
def test_a_script_that_fails_fails_alone(run_script: RunScript, tmp_path: Path, source: str) -> None:
    with pytest.raises(AssertionError):
        run_script(source, tmp_path)
    assert run_script("print('x = 2')", tmp_path) == {"x": 2}


def test_what_is_no_number_with_a_name_is_passed_over(run_script: RunScript, tmp_path: Path) -> None:
    assert run_script("print('hello')\nprint('x = 2  # two')\nprint('y, 3')", tmp_path) == {"x": 2}
