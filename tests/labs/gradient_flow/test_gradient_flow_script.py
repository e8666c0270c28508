"""The script of `gradient_flow`, executed, prints the page's numbers."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import pytest

from bnviz.labs.gradient_flow.experiment import run
from bnviz.labs.gradient_flow.lesson import headline
from bnviz.labs.gradient_flow.script import script
from bnviz.labs.gradient_flow.settings import Settings
from tests.conftest import RunScript

plain = partial(Settings, init="torch", weight_gain=1.0, bias_std=0.0)  # the weights of nn.Linear by default

CASES = {
    "defaults": plain(steps=10),
    "relu": plain(activation="relu", depth=5, width=48, steps=3, seed=7),
    "after, group norm": plain(position="after", normalizer="group", depth=3, width=24, steps=3, gamma=-2.0),
    "layer norm, lost gradients": plain(
        activation="gelu",
        normalizer="layer",
        init="scaled",
        weight_gain=0.05,
        bias_std=0.1,
        depth=25,
        width=32,
        steps=2,
    ),
    "small weights lost": plain(init="scaled", weight_gain=0.05, depth=30, width=32, batch_size=16, steps=1),
    "explodes": plain(
        activation="relu", depth=40, width=16, batch_size=8, steps=3, init="scaled", weight_gain=5.0, learning_rate=10
    ),
    "skips": plain(activation="relu", skip=True, gamma=0.5, depth=5, width=24, steps=3),
    "skips after": plain(skip=True, position="after", normalizer="layer", gamma=0.5, depth=3, width=16, steps=2),
    "none": plain(normalizer="none", depth=1, steps=0, width=16),
    "gaussian": plain(source="gaussian", activation="tanh", depth=3, width=32, steps=2),
    "skewed": plain(source="skewed", activation="elu", depth=3, width=32, steps=0, batch_size=1000),
    "bimodal": plain(source="bimodal", activation="silu", depth=3, width=32, steps=0),
    "uniform, two epochs": plain(source="uniform", activation="leaky_relu", depth=2, width=16, steps=3, batch_size=900),
}


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_executed_it_prints_the_numbers_of_the_page(settings: Settings, tmp_path: Path, run_script: RunScript) -> None:
    printed = run_script(script(settings), tmp_path)
    # The slope that the script takes by autograd is float32: a value at the very edge may count as saturated or not.
    assert printed == pytest.approx(headline(run(settings)), rel=1e-6, abs=1e-45, nan_ok=True)


@pytest.mark.parametrize("normalizer", ["batch", "instance"])
def test_what_pytorch_refuses_the_script_refuses_too(normalizer: str, tmp_path: Path, run_script: RunScript) -> None:
    size = 1 if normalizer == "batch" else 8
    with pytest.raises(AssertionError, match="ValueError: Expected more than 1"):
        run_script(script(plain(normalizer=normalizer, batch_size=size, depth=2, width=8, steps=1)), tmp_path)


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_it_imports_nothing_but_torch_and_the_digits(settings: Settings) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(script(settings)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"math", "torch"} | ({"sklearn.datasets"} if settings.source == "digits" else set())


def test_a_bias_is_left_out_only_in_front_of_batch_norm() -> None:
    assert "bias=not normalized" in script(plain())
    assert "bias=not normalized" not in script(plain(position="after")) + script(plain(normalizer="layer"))
