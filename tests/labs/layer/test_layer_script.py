"""The lab's script, run as a stranger would, prints the page's numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.formula import formula
from bnviz.labs.layer.lesson import TOPIC, applies, headline, table
from bnviz.labs.layer.settings import Settings
from bnviz.plot.numbers import latex
from bnviz.settings import fields
from tests.conftest import RunScript

SCRIPTS: dict[str, dict[str, Any]] = {
    "default": {},
    "eval after warm-up": {"mode": "eval", "warmup": 40, "momentum": "cumulative", "activation": "tanh", "seed": 7},
    "conv, drift": {"layer": "conv", "drift": 0.05, "input_scale": 2.0, "gamma": 2.0, "beta": -1.0, "channel": 3},
    "bimodal, no affine": {
        "source": "bimodal",
        "affine": False,
        "channel": 2,
        "activation": "gelu",
        "input_shift": 3.0,
    },
    "skewed conv, untracked": {"source": "skewed", "layer": "conv", "track_running_stats": False, "mode": "eval"},
    "gaussian": {"source": "gaussian", "channel": 1, "steps": 70, "warmup": 3},
    "uniform": {"source": "uniform", "channel": 1, "activation": "silu"},
}


@pytest.mark.parametrize("changes", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_script_prints_the_pages_numbers(changes: dict[str, Any], tmp_path: Path, run_script: RunScript) -> None:
    settings = Settings(**{"steps": 60, **changes})
    shown, wanted = run_script(TOPIC.script(settings), tmp_path), headline(run(settings))
    assert shown.keys() == wanted.keys()
    for name, value in wanted.items():
        # Six digits are printed; float32 leaves 1e-6 of a standard deviation where a mean of x̂ should be 0.
        assert shown[name] == pytest.approx(value, rel=2e-5, abs=2e-6), name


@pytest.mark.parametrize("batch_size", [8, 64])
def test_the_script_for_an_upload_reads_a_file(batch_size: int, tmp_path: Path, run_script: RunScript) -> None:
    data = np.random.default_rng(1).normal(size=(40, 9)).astype(np.float32)
    np.save(tmp_path / "my_data.npy", data)
    for layer in ("linear", "conv"):
        settings = Settings(source="upload", steps=7, layer=layer, batch_size=batch_size)  # type: ignore[arg-type]
        shown, wanted = run_script(TOPIC.script(settings), tmp_path), headline(run(settings, data))
        assert shown == pytest.approx(wanted, rel=2e-5, abs=2e-6)


def test_the_script_imports_nothing_but_torch_and_the_data_source() -> None:
    imports = {
        source: set(re.findall(r"^(?:from|import) (\w+)", TOPIC.script(Settings(source=source)), flags=re.MULTILINE))  # type: ignore[arg-type]
        for source in ("digits", "gaussian", "upload")
    }
    assert imports == {"digits": {"torch", "sklearn"}, "gaussian": {"torch"}, "upload": {"torch", "numpy"}}


def test_headline_and_table_agree_with_the_result() -> None:
    result = run(Settings(steps=9, channel=2))
    columns = table(result)
    assert {len(column) for column in columns.values()} == {9}
    for name, value in headline(result).items():
        assert columns[name][-1] == pytest.approx(value)
    np.testing.assert_array_equal(columns["running_mean"], result.running_mean[1:, 2])
    assert "running_mean" not in table(run(Settings(steps=2, track_running_stats=False)))


def test_formula_substitutes_the_numbers_of_the_frame() -> None:
    result = run(Settings(steps=9, channel=2, gamma=2.0, beta=-1.0, eps=0.01))
    for step in (0, 8):
        text = formula(result, step)
        x, x_hat = (float(result.sample[stage][step, 2]) for stage in ("input", "normalized"))
        assert x_hat == pytest.approx(
            (x - result.used_mean[step, 2]) / np.sqrt(result.used_var[step, 2] + 0.01), rel=1e-4
        )
        for number in (x, x_hat, result.used_mean[step, 2], result.used_var[step, 2], result.running_mean[step + 1, 2]):
            assert latex(float(number)) in text
        assert f"batch {step + 1}," in text
    assert formula(result, 0) != formula(result, 8)
    assert formula(result, 99) == formula(result, 8)


@pytest.mark.parametrize("activation", fields(Settings)["activation"].choices)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_formula_of_every_activation(activation: Any, language: Any) -> None:
    result = run(Settings(steps=3, activation=activation, seed=2))
    text = formula(result, 1, language)
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0
    assert latex(float(result.sample["output"][1, 0])) in text


@pytest.mark.parametrize("number", range(len(TOPIC.presets)))
def test_presets_run_and_differ_from_the_defaults(number: int) -> None:
    preset = TOPIC.presets[number]
    settings = Settings(**preset.changes)
    assert settings != Settings()
    assert all(applies(settings, name) for name in preset.changes)
    result = run(settings)
    assert len(TOPIC.comparisons(result)) >= 3


def test_every_setting_has_one_control() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6


@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000, 4000, 5000])
def test_the_preset_of_a_large_eps_leaves_x_hat_clearly_narrower(seed: int) -> None:
    settings = TOPIC.preset("eps_as_large_as_variance").replace(seed=seed)
    result = TOPIC.compute(settings)
    c = settings.channel
    std, spread = result.stage_std["input"][:, c], result.stage_std["normalized"][:, c]
    assert spread == pytest.approx(std / (std**2 + settings.eps) ** 0.5, rel=1e-4)
    assert spread.mean() < 0.8
