"""The scripts of `batch_size`, executed, print the page's numbers."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from bnviz.labs.batch_size.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.conftest import RunScript

EVERY: Any = ("none", "batch", "layer", "group", "instance")
ERROR, STATISTICS = LAB.topics
CASES: dict[str, tuple[AnyTopic, Any]] = {
    "mlp": (ERROR, ERROR.settings(batch_sizes=(30, 1), normalizers=EVERY, epochs=1, seeds=2, groups=4, seed=3)),
    "cnn, one class": (
        ERROR,
        ERROR.settings(
            network="cnn",
            batch_sizes=(32,),
            normalizers=EVERY[1:],
            sampling="one_class",
            epochs=2,
            seeds=1,
            learning_rate_rule="fixed",
            learning_rate=0.05,
        ),
    ),
    "statistics": (STATISTICS, STATISTICS.settings(batch_sizes=(1, 2, 300), seed=4)),
    "statistics, second layer, one class": (
        STATISTICS,
        STATISTICS.settings(batch_sizes=(5,), hidden_layer=2, sampling="one_class"),
    ),
}


@pytest.mark.parametrize(("topic", "settings"), CASES.values(), ids=CASES)
def test_executed_it_prints_the_numbers_of_the_page(
    topic: AnyTopic, settings: Any, tmp_path: Path, run_script: RunScript
) -> None:
    """Float32 rounds differently one network after another: one test image of 450 may change sides per seed."""
    printed = run_script(topic.script(settings), tmp_path)
    expected = topic.headline(topic.compute(settings))
    assert list(printed) == list(expected)
    tolerance = {"abs": 100 / 450 + 1e-9} if topic is ERROR else {"rel": 1e-4}
    for name, value in expected.items():
        assert printed[name] == pytest.approx(value, nan_ok=True, **tolerance), name


@pytest.mark.parametrize(("topic", "settings"), CASES.values(), ids=CASES)
def test_it_imports_nothing_but_torch_numpy_and_the_digits(topic: AnyTopic, settings: Any) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(topic.script(settings)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"math", "numpy", "torch", "sklearn.datasets"}
