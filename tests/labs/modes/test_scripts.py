"""The scripts of `modes`, executed, print the page's numbers."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from bnviz.labs.modes.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.conftest import RunScript

NAMES = [topic.name for topic in LAB.topics]
SETTINGS: dict[str, dict[str, Any]] = {
    "gap": {"batch_size": 16, "steps": 15, "passes": 4, "momentum": 0.05},
    "momentum_error": {"batch_size": 16, "steps": 10, "seeds": 2, "passes": 3, "momentum": 0.02},
    "freeze_matrix": {"steps": 5, "frozen": "norms", "momentum": "cumulative"},
    "update_count": {"steps": 3, "accumulation": 3, "batch_size": 8},
    "influence": {"batch_size": 4, "mode": "train", "groups": 4},
    "poison": {"steps": 20, "poison_at": 15, "poison": "large", "passes": 5},
}
"""What of a topic's settings makes its run short and its script say something, beside depth and width."""


def topic_and_settings(name: str) -> tuple[AnyTopic, Any]:
    topic = LAB.topic(name)
    changes = {"depth": 2, "width": 16, "seed": 3} | SETTINGS.get(name, {})
    return topic, topic.opening.replace(
        **{name: value for name, value in changes.items() if name in topic.settings.model_fields}
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> dict[str, dict[str, float]]:
    folder = tmp_path_factory.mktemp("scripts")
    sources = {name: topic.script(settings) for name in NAMES for topic, settings in [topic_and_settings(name)]}
    return {name: run_script(source, folder) for name, source in sources.items()}


@pytest.mark.parametrize("name", NAMES)
def test_executed_they_print_the_numbers_of_the_page(printed: dict[str, dict[str, float]], name: str) -> None:
    """Rounding aside, which may move one test image of 450 (0.23 %) across a boundary."""
    topic, settings = topic_and_settings(name)
    expected = topic.headline(topic.compute(settings))
    assert list(printed[name]) == list(expected)
    for key, value in expected.items():
        percent = key.startswith(("error", "changed", "cured"))
        assert printed[name][key] == pytest.approx(value, rel=2e-4, abs=0.24 if percent else 1e-5, nan_ok=True), key


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("momentum", [0.1, "cumulative"])
def test_they_import_nothing_but_torch_numpy_and_the_digits(name: str, momentum: Any) -> None:
    topic, settings = topic_and_settings(name)
    source = topic.script(settings.replace(momentum=momentum))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"copy", "math", "numpy", "torch", "torch.utils.checkpoint", "sklearn.datasets"}
