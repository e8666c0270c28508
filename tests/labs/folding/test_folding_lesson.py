"""The lesson `folding`: its script prints the page's numbers, its table and formula hold them, its prediction finds the answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.labs.folding import Result, run
from bnviz.labs.folding import Settings as PublicSettings
from bnviz.labs.folding.lesson import TOPIC, headline, outcome, table
from bnviz.labs.folding.settings import Settings
from bnviz.plot.numbers import latex
from tests.conftest import RunScript

SCRIPTS: dict[str, dict[str, Any]] = {
    "opening": {},
    "linear, no bias": {"layer": "linear", "bias": False, "seed": 5},
    "transposed, Keras' eps": {"layer": "conv_transpose", "eps": 1e-3, "gamma_spread": 1.0, "channels": 4},
    "large batches": {"batch_size": 1024, "warmup": 3, "seed": 2},
    "larger than the data": {"layer": "linear", "batch_size": 1000, "warmup": 4, "channels": 2},
    "fresh": {"warmup": 0},
}


@pytest.mark.parametrize("changes", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_script_prints_the_pages_numbers(changes: dict[str, Any], tmp_path: Path, run_script: RunScript) -> None:
    settings = Settings(**changes)
    shown, wanted = run_script(TOPIC.script(settings), tmp_path), headline(run(settings))
    assert shown.keys() == wanted.keys()
    for name, value in wanted.items():
        # Errors that are themselves rounding may round another way; all others are numbers like any.
        loose = name.startswith("relative_error")
        assert shown[name] == pytest.approx(value, rel=0.5 if loose else 1e-4), name


def test_the_script_needs_torch_and_the_digits_only() -> None:
    imports = set(re.findall(r"^(?:from|import) (\w+)", TOPIC.script(Settings()), flags=re.MULTILINE))
    assert imports == {"copy", "torch", "sklearn"}


def test_the_public_names() -> None:
    result = run(PublicSettings(channels=2))
    assert isinstance(result, Result)
    assert set(result.relative_error) == {"float64", "float32", "bfloat16", "float16"}
    assert all(type(value) is float for value in result.relative_error.values())


def test_table_and_headline_hold_the_result() -> None:
    result = run(Settings(layer="conv_transpose", channels=4))
    columns = table(result)
    assert {len(column) for column in columns.values()} == {4}
    np.testing.assert_allclose(columns["eps_forgotten_rms"], columns["eps_forgotten_predicted"], rtol=1e-8)
    assert "wrong_axis_predicted" not in columns
    np.testing.assert_allclose(
        columns["bias_after"], columns["beta"] + columns["scale"] * (columns["bias_before"] - columns["running_mean"])
    )
    assert headline(result)["wrong_axis"] == result.wrong["wrong_axis"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_formula_holds_the_numbers_of_the_channel(language: Any) -> None:
    result = run(Settings(channel=3))
    text = TOPIC.formula(result, 0, language)
    for values in (result.gamma, result.running_var, result.bias_after, result.largest_after, result.bias):
        assert latex(float(values[3])) in text
    assert text.count("$$") % 2 == 0


def test_the_prediction_finds_the_costliest_mistake() -> None:
    assert outcome(run(Settings())) == 1
    assert outcome(run(Settings(warmup=0))) == 2
    assert outcome(run(Settings(eps=1.0, warmup=200, bias=False))) == 0
    found = {
        outcome(run(Settings(layer="conv_transpose", seed=seed, gamma_spread=2.0, bias=False))) for seed in range(6)
    }
    assert 3 in found


@pytest.mark.parametrize("preset", TOPIC.presets, ids=lambda preset: preset.name)
def test_presets_run_and_differ_from_the_opening(preset: Any) -> None:
    settings = TOPIC.preset(preset.name)
    assert settings != TOPIC.opening
    assert len(TOPIC.comparisons(run(settings))) >= 5


def test_every_setting_has_one_control() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6
