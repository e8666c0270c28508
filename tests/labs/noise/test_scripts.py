"""The scripts of `noise`, executed, print the page's numbers."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

import pytest

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import TrainingPlan, train
from bnviz.labs.noise.ghost.experiment import size_plan
from bnviz.labs.noise.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.conftest import RunScript

TINY: dict[str, Any] = {
    "batch_size": 50,
    "depth": 2,
    "width": 16,
    "epochs": 2,
    "seeds": 3,
    "train_size": 200,
    "seed": 4,
}
MATES, SHIFT, DROPOUT, GHOST = LAB.topics
CASES: dict[str, tuple[AnyTopic, Any]] = {
    "mates": (MATES, MATES.settings(batch_size=6, sample_value=-0.75, draws=200, seed=3)),
    "mates, digits": (MATES, MATES.settings(source="digits_relu", draws=200, seed=5)),
    "shift": (SHIFT, SHIFT.settings(depth=2, width=24, seed=7)),
    "dropout": (DROPOUT, DROPOUT.settings(**TINY)),
    "ghost": (GHOST, GHOST.settings(**(TINY | {"batch_size": 40, "learning_rate": 0.2}))),
}
# Float32 rounds differently one network after another: one test image of 450 may change sides in one or two of three seeds.
IMAGES = 0.67 * 100 / 450
DOUBLE = "ghost, double precision"
SHORT = CASES["ghost"][1].replace(epochs=1)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> dict[str, dict[str, float]]:
    """What each script prints."""
    folder = tmp_path_factory.mktemp("scripts")
    scripts = {name: topic.script(settings) for name, (topic, settings) in CASES.items()}
    scripts[DOUBLE] = (
        GHOST.script(SHORT)
        .replace(".float() / 16", ".double() / 16")
        .replace("network = build(size, seed)", "network = build(size, seed).double()")
    )
    return {name: run_script(source, folder) for name, source in scripts.items()}


@pytest.mark.parametrize("name", CASES)
def test_executed_they_print_the_numbers_of_the_page(name: str, printed: dict[str, dict[str, float]]) -> None:
    topic, settings = CASES[name]
    expected = topic.headline(topic.compute(settings))
    assert list(printed[name]) == list(expected)
    for key, value in expected.items():
        if key in {"error_2", "gain_2"}:  # half the sign of a tiny difference: rounding decides (see the next test)
            continue
        tolerance = {"abs": IMAGES} if topic in (DROPOUT, GHOST) else {"rel": 2e-4, "abs": 1e-6}
        assert printed[name][key] == pytest.approx(value, **tolerance), key


def test_in_double_precision_ghosts_of_two_are_the_pages_too(printed: dict[str, dict[str, float]]) -> None:
    """Over five steps; by the tenth even its rounding has grown to whole images, so near to chaos is a pair's normalization."""
    data = digits_data(tuple(range(4, 7)), train_size=200)
    data = dataclasses.replace(data, features=data.features.double())
    for size in (40, 8, 4, 2):
        network = build_replicas(size_plan(SHORT, size), data.seeds).double()
        accuracy = train(network, data, TrainingPlan(5, 40, (5,), learning_rate=0.2)).accuracy.mean()
        assert printed[DOUBLE][f"error_{size}"] == pytest.approx(100 * (1 - accuracy), abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_they_import_nothing_but_torch_numpy_and_the_digits(name: str) -> None:
    topic, settings = CASES[name]
    source = topic.script(settings)
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"math", "numpy", "torch", "sklearn.datasets"}
    assert ("sklearn.datasets" in imported) == (name != "mates")
