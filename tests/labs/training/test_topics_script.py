"""The scripts of `training`, executed, print the pages' numbers."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from bnviz.labs.training.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.conftest import RunScript
from tests.uploads import read_upload

# Smooth activations, so that float32, which rounds differently one network after another, does not grow.
CASES: dict[str, tuple[str, dict[str, Any], float]] = {
    "race": ("race", {"activation": "tanh", "init": "torch", "seeds": 2, "epochs": 2, "width": 20, "depth": 2, "learning_rate": 0.1,
                      "optimizer": "momentum", "unit": 3, "normalizers": ("none", "batch", "layer")}, 0.02),
    "race in the plane": ("race", {"source": "moons", "optimizer": "adam", "learning_rate": 0.01, "batch_size": 256, "seeds": 2,
                                   "epochs": 3, "width": 16, "depth": 1, "samples": 100}, 0.02),
    "sweep": ("sweep", {"activation": "identity", "seeds": 2, "epochs": 2, "width": 16, "learning_rates": (0.125, 4.0),
                        "normalizers": ("none", "batch")}, 0.02),
    "boundaries": ("boundaries", {"activation": "tanh", "source": "circles", "seeds": 2, "epochs": 3, "width": 16}, 0.02),
    "landscape": ("landscape", {"activation": "tanh", "seeds": 2, "epochs": 1, "width": 16, "depth": 1}, 1e-3),
}  # fmt: skip
TABLE = "with a table of one's own"
KINDS = ("a daisy", "rose", "tulip")  # the classes of that table, in their order


def own_table() -> np.ndarray:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    return np.column_stack([generator.standard_normal((60, 2)) * 5 + 3 * labels[:, None], labels]).astype(np.float32)


def settings_of(case: str) -> tuple[Any, Any]:
    """The topic and the settings of a case."""
    if case == TABLE:
        changes = {
            "source": "upload",
            "activation": "tanh",
            "init": "he",
            "seeds": 2,
            "epochs": 3,
            "width": 8,
            "depth": 1,
        }
        return LAB.topic("race"), LAB.topic("race").settings(**changes, batch_size=8)
    topic, given, _tolerance = CASES[case]
    return LAB.topic(topic), LAB.topic(topic).settings(**given)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> dict[str, dict[str, float]]:
    """What the script of every case prints."""
    folder = tmp_path_factory.mktemp("scripts")
    rows = (f"{a!r},{b!r},{KINDS[int(kind)]}\n" for a, b, kind in own_table().tolist())
    content = "a,b,class\n" + "".join(rows)
    (folder / "data.csv").write_text(content)
    upload = read_upload("data.csv", content.encode(), "classes")
    sources = {
        case: topic.write_script(settings, upload if case == TABLE else None)
        for case in [*CASES, TABLE]
        for topic, settings in [settings_of(case)]
    }
    return {case: run_script(source, folder) for case, source in sources.items()}


@pytest.mark.parametrize("case", [*CASES, TABLE])
def test_executed_it_prints_the_numbers_of_the_page(case: str, printed: dict[str, dict[str, float]]) -> None:
    """Errors to one test sample of one seed, everything else to the tolerance named with the case."""
    topic, settings = settings_of(case)
    own = case == TABLE
    expected = topic.headline(topic.compute(settings, own_table() if own else None))
    assert list(printed[case]) == list(expected)
    for name, value in expected.items():
        close = {"abs": 3.5 if own else 0.12} if name.startswith("error") else {"rel": 0.05 if own else CASES[case][2]}
        assert printed[case][name] == pytest.approx(value, nan_ok=True, **close), name


@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
@pytest.mark.parametrize("source", ["digits", "moons", "circles", "spirals", "upload"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_it_imports_nothing_but_torch_numpy_and_the_digits(topic: AnyTopic, source: Any, optimizer: Any) -> None:
    tree = ast.parse(topic.script(topic.opening.replace(source=source, optimizer=optimizer)))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported - {"copy"} == {"math", "numpy", "torch"} | ({"sklearn.datasets"} if source == "digits" else set())
