"""The builder's listings: the script prints the page's numbers; Keras and Flax get what their documentation takes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from bnviz.labs.builder.experiment import run
from bnviz.labs.builder.lesson import TOPIC, headline
from bnviz.labs.builder.other_frameworks import flax, keras, momentum
from bnviz.labs.builder.plan import stages_of
from bnviz.labs.builder.script import block
from bnviz.labs.builder.settings import Settings
from tests.conftest import RunScript
from tests.labs.builder.test_builder_experiment import GRID, SMALL

# Argument names by callable, copied from the documentation (Keras 3, Flax 0.12); the first of a pair: positional ones.
TAKES: dict[str, tuple[int, set[str]]] = {
    "keras.Sequential": (1, set()),
    "keras.Input": (1, set()),
    "keras.random.normal": (1, set()),
    "layers.Dense": (1, {"use_bias"}),
    "layers.Dropout": (1, set()),
    "layers.Activation": (1, set()),
    "layers.LeakyReLU": (0, {"negative_slope"}),
    "layers.ELU": (0, set()),
    "layers.Conv1D": (2, {"strides", "padding", "use_bias"}),
    "layers.Conv2D": (2, {"strides", "padding", "use_bias"}),
    "layers.ZeroPadding1D": (1, set()),
    "layers.ZeroPadding2D": (1, set()),
    "layers.BatchNormalization": (0, {"axis", "momentum", "epsilon", "center", "scale"}),
    "layers.LayerNormalization": (0, {"axis", "epsilon", "center", "scale"}),
    "layers.GroupNormalization": (0, {"groups", "axis", "epsilon", "center", "scale"}),
    "block": (1, {"training"}),
    "block.train": (0, set()),
    "block.eval": (0, set()),
    "block.set_attributes": (0, {"use_running_average"}),
    "nnx.Rngs": (1, set()),
    "nnx.Sequential": (9, set()),
    "nnx.Dropout": (1, {"rngs"}),
    "nnx.Linear": (2, {"use_bias", "rngs"}),
    "nnx.Conv": (2, {"kernel_size", "strides", "padding", "use_bias", "rngs"}),
    "nnx.BatchNorm": (1, {"momentum", "epsilon", "use_bias", "use_scale", "rngs"}),
    "nnx.LayerNorm": (1, {"reduction_axes", "epsilon", "use_bias", "use_scale", "rngs"}),
    "nnx.GroupNorm": (1, {"num_groups", "epsilon", "use_bias", "use_scale", "rngs"}),
    "partial": (1, {"approximate"}),
    "jax.random.normal": (2, set()),
    "jax.random.key": (1, set()),
}


def calls(source: str) -> dict[str, dict[str, Any]]:
    """Keyword arguments by callable; a call that the documentation does not know fails."""
    found: dict[str, dict[str, Any]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            positional, known = TAKES[name]
            keywords = {str(word.arg): ast.unparse(word.value) for word in node.keywords}
            assert len(node.args) <= positional, name
            assert keywords.keys() <= known, name
            found[name] = keywords
    return found


@pytest.mark.parametrize(
    "changes",
    [{}, {"layer": "linear", "dropout": 0.4, "dropout_place": "input", "input_std": 3.0, "bias": "true", "seed": 5}],
)
def test_the_script_prints_the_pages_numbers(changes: dict[str, Any], tmp_path: Path, run_script: RunScript) -> None:
    settings = Settings(**changes)
    assert run_script(TOPIC.script(settings), tmp_path) == pytest.approx(headline(run(settings)), rel=2e-5, abs=2e-6)


def test_a_refused_block_promises_no_numbers() -> None:
    assert headline(run(Settings(layer="linear", batch_size=1))) == {}


@pytest.mark.parametrize("changes", GRID, ids=lambda changes: "-".join(map(str, changes.values())))
def test_keras_and_flax_get_only_what_they_take(changes: dict[str, Any]) -> None:
    settings = Settings(**{**SMALL, **changes})
    for source, layer in ((keras(settings), "layers."), (flax(settings), "nnx.")):
        found = calls(source)
        assert any(name.startswith(layer) for name in found)
        assert ("Dropout" in source) == bool(settings.dropout)
        biases = {
            words["use_bias"]
            for name, words in found.items()
            if name.endswith(("Dense", "D", "Linear", "Conv")) and "use_bias" in words
        }
        assert biases == {str(next(stage.options["bias"] for stage in stages_of(settings) if stage.role == "layer"))}


@pytest.mark.parametrize("value", [0.1, 0.01, 0.37, 1.0])
def test_momentum_is_turned_round_and_eps_spelled_out(value: float) -> None:
    settings = Settings(momentum=value, eps=0.002)
    for source, name in ((keras(settings), "layers.BatchNormalization"), (flax(settings), "nnx.BatchNorm")):
        words = calls(source)[name]
        assert float(words["momentum"]) == pytest.approx(1 - value)
        assert float(words["epsilon"]) == 0.002
        assert f"1 − {value:g}" in source


def test_what_they_do_not_have_is_said() -> None:
    plain = Settings(momentum="cumulative")
    assert momentum(plain) is None
    for source in (keras(plain), flax(plain)):
        assert "momentum=" not in source.split("#")[0]
        assert "no plain average" in source
    untracked = Settings(track_running_stats=False, mode="eval")
    assert "training=True" in keras(untracked)
    assert "block.set_attributes(use_running_average=False)" in flax(untracked)
    assert "no counterpart" in keras(Settings(normalizer="instance"))
    assert "one per element" in flax(Settings(normalizer="layer"))
    assert "biased" in keras(Settings())
    assert "biased" not in keras(Settings(normalizer="group"))


def test_images_and_sequences_have_their_channels_last() -> None:
    assert "keras.Input((32, 24, 3))" in keras(Settings(input_height=32, input_width=24))
    assert "(32, 24, 3)))" in flax(Settings(layer="conv1d", input_width=24))
    assert "layers.ZeroPadding1D(1)" in keras(Settings(layer="conv1d"))
    assert "ZeroPadding" not in keras(Settings(padding=0))


def test_the_block_to_paste_stands_alone() -> None:
    assert block(Settings()).startswith("import torch\nfrom torch import nn\n\nblock = nn.Sequential(")
    assert "bias=False),  # a bias" in block(Settings())
    assert "#" not in block(Settings(normalizer="layer"))
