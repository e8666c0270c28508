"""The script of `placement`, executed, prints the page's numbers."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import TrainingPlan, train
from bnviz.experiments.placement import POSITIONS, network_plan, run
from bnviz.experiments.placement_settings import Settings
from bnviz.export.placement import script
from bnviz.lessons.placement import headline

CASES = {
    "relu": Settings(seeds=3, epochs=1, width=24),
    "sigmoid, no bias": Settings(activation="sigmoid", bias=False, seeds=3, epochs=2, depth=2, width=16, seed=11),
    "tanh, odd batches": Settings(activation="tanh", batch_size=50, learning_rate=0.3, seeds=3, epochs=1, width=16),
    "diverges": Settings(activation="identity", learning_rate=2.0, seeds=3, epochs=2, depth=2, width=16),
}


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_executed_it_prints_the_numbers_of_the_page(settings: Settings, tmp_path: Path) -> None:
    """Float32 rounds differently one network after another: one test image of 450 may change sides in one of three seeds."""
    path = tmp_path / "lab.py"
    path.write_text(script(settings), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    printed = {name: float(value) for name, value in (line.split(" = ") for line in done.stdout.splitlines())}
    expected = headline(run(settings))
    assert list(printed) == list(expected)
    image = 100 / 450
    for name, value in expected.items():
        tolerance = 1e-12 if name.startswith("bias") else image * (0.34 if name != "difference_deviation" else 1.01)
        assert printed[name] == pytest.approx(value, abs=tolerance, nan_ok=True), name


def test_in_double_precision_it_is_the_page_to_the_last_image(tmp_path: Path) -> None:
    """Over more steps float32 rounding grows behind ReLU (a few images by step 42); without rounding nothing is left."""
    settings = Settings(seeds=3, epochs=2, width=24)
    path = tmp_path / "lab.py"
    source = script(settings).replace(".float() / 16", ".double() / 16")
    path.write_text(source.replace("= build(position, seed)\n", "= build(position, seed).double()\n"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, cwd=tmp_path, check=False)
    printed = {name: float(value) for name, value in (line.split(" = ") for line in done.stdout.splitlines())}
    data = digits_data((0, 1, 2))
    data = dataclasses.replace(data, features=data.features.double())
    plan = TrainingPlan(42, 64, (42,), learning_rate=0.1)
    for position in POSITIONS:
        network = build_replicas(network_plan(settings, position), data.seeds).double()
        accuracy = train(network, data, plan).accuracy.mean()
        assert printed[f"error_{position}"] == pytest.approx(100 * (1 - accuracy), abs=1e-9)


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_it_imports_nothing_but_torch_numpy_and_the_digits(settings: Settings) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(script(settings)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"math", "numpy", "torch", "sklearn.datasets"}
