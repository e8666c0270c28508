"""The script of `running_stats`, executed, prints the page's numbers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bnviz.labs.running_stats.experiment import run
from bnviz.labs.running_stats.lesson import headline
from bnviz.labs.running_stats.script import script
from bnviz.labs.running_stats.settings import Settings
from tests.conftest import RunScript

CASES = {
    "digits": Settings(steps=60, replicas=10),
    "digits, large batches": Settings(steps=20, replicas=3, batch_size=700, seed=5, eps=0.1),
    "gaussian": Settings(source="gaussian", mean=-1.5, std=0.7, momentums=(0.3, "cumulative"), steps=50),
    "jump": Settings(disturbance="jump", disturbance_at=20, disturbance_size=-1.5, steps=40, replicas=7),
    "ramp": Settings(disturbance="ramp", disturbance_at=5, steps=40, source="gaussian", momentums=(1.0, 0.02)),
    "after the end": Settings(disturbance="jump", disturbance_at=40, steps=40, replicas=1),
}


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_executed_it_prints_the_numbers_of_the_page(settings: Settings, tmp_path: Path, run_script: RunScript) -> None:
    printed = run_script(script(settings), tmp_path)
    assert printed == pytest.approx(headline(run(settings)), rel=1e-6)


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_it_imports_nothing_but_torch_numpy_and_the_digits(settings: Settings) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(script(settings)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    data = {"sklearn.datasets"} if settings.source == "digits" else set()
    assert imported == {"torch", "numpy"} | data


def test_lines_are_short() -> None:
    assert max(len(line) for settings in CASES.values() for line in script(settings).splitlines()) <= 120
