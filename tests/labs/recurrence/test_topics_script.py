"""The scripts of `recurrence` print the page's numbers, without bnviz."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import pytest

from bnviz.labs.recurrence.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.conftest import RunScript

# One of each topic is run, with another cell each; Adam amplifies rounding over a few steps to about 1e-5.
RUNS: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("steps", {"cell": "gru", "warmup": 3, "width": 12, "normalizer": "batch_per_step", "momentum": "cumulative"}, 1e-3),
    ("error", {"cell": "lstm", "seeds": 1, "epochs": 1, "width": 8, "batch_size": 256, "gamma": 0.5}, 0.3),
    ("through_time", {"cell": "rnn", "seeds": 2, "width": 16, "batch_size": 16}, 1e-4),
)  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "tolerance"), RUNS, ids=[name for name, *_ in RUNS])
def test_the_script_prints_the_pages_numbers(
    name: str, changes: dict[str, Any], tolerance: float, tmp_path: Path, run_script: RunScript
) -> None:
    topic = LAB.topic(name)
    settings = topic.settings(**changes)
    expected = topic.headline(topic.compute(settings))
    printed = run_script(topic.script(settings), tmp_path)
    finite = {key: value for key, value in printed.items() if math.isfinite(value)}
    assert finite.keys() == expected.keys()
    for key, value in expected.items():
        assert finite[key] == pytest.approx(
            value, rel=tolerance if tolerance < 0.1 else 0, abs=tolerance if tolerance > 0.1 else 1e-6
        )


@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_script_is_python_and_imports_little(topic: AnyTopic, cell: Any) -> None:
    changes = {"cell": cell, "momentum": "cumulative", "padding": 0.0}
    known = {name: value for name, value in changes.items() if name in topic.settings.model_fields}
    script = topic.script(topic.settings(**known))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"math", "numpy", "torch", "sklearn.datasets"}
