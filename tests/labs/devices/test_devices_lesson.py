"""The lesson `devices`: script, pictures, table, formula and prediction hold the result's numbers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.labs.devices import Result, figures, run
from bnviz.labs.devices.lesson import TOPIC, headline, outcome, table
from bnviz.labs.devices.settings import Settings
from bnviz.plot.numbers import latex
from tests.conftest import RunScript
from tests.pictures import trace_of

SCRIPTS: dict[str, dict[str, Any]] = {
    "opening": {},
    "shuffled": {"shards": "iid", "devices": 3, "channel": 2, "seed": 5},
    "sorted": {"shards": "sorted", "momentum": 0.5, "steps": 11},
    "one device": {"devices": 1},
    "larger than the data": {"devices": 16, "per_device": 128, "steps": 3, "eps": 0.1},
}
RESULT = run(Settings(channel=3, seed=2))


@pytest.mark.parametrize("changes", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_script_prints_the_pages_numbers(changes: dict[str, Any], tmp_path: Path, run_script: RunScript) -> None:
    settings = Settings(**changes)
    shown, wanted = run_script(TOPIC.script(settings), tmp_path), headline(run(settings))
    assert shown.keys() == wanted.keys()
    for name, value in wanted.items():
        assert shown[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_the_script_needs_torch_and_the_digits_only() -> None:
    imports = set(re.findall(r"^(?:from|import) (\w+)", TOPIC.script(Settings()), flags=re.MULTILINE))
    assert imports == {"torch", "sklearn"}


@pytest.mark.parametrize("changes", [{}, {"shards": "sorted"}, {"devices": 1}, {"devices": 16, "steps": 1}], ids=str)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_picture_is_drawn_and_told(changes: dict[str, Any], language: Any) -> None:
    result = run(Settings(**changes))
    for draw in (*TOPIC.pictures, *TOPIC.theory):
        chart: Any = draw(result, language)
        chart.to_plotly()
        assert chart.alt
        assert "{" not in chart.alt
        for trace in chart.data:
            assert len(trace["x"]) == len(trace["y"]) > 0


def test_pictures_show_the_results_numbers() -> None:
    chart = figures.shares(RESULT)
    np.testing.assert_array_equal(trace_of(chart, "device")["x"], RESULT.device_mean[:, 3])
    np.testing.assert_array_equal(trace_of(chart, "device")["error_x"]["array"], np.sqrt(RESULT.device_var[:, 3]))
    chart = figures.split(RESULT)
    parts = np.asarray(trace_of(chart, "within")["y"]) + np.asarray(trace_of(chart, "between")["y"])
    np.testing.assert_allclose(parts, trace_of(chart, "whole batch")["y"], rtol=1e-12)
    assert trace_of(figures.buffers(RESULT), "error")["y"] == list(RESULT.eval_error.values())
    np.testing.assert_array_equal(trace_of(figures.trajectories(RESULT), "rank 0")["y"], RESULT.running_mean[:, 0, 3])
    assert not [
        trace for trace in figures.between_steps(run(Settings(shards="sorted"))).data if trace["name"] == "theory"
    ]


def test_the_public_names_table_and_formula() -> None:
    assert isinstance(RESULT, Result)
    assert RESULT.within.shape == RESULT.between.shape == RESULT.total.shape == (8,)
    columns = table(RESULT)
    assert {len(column) for column in columns.values()} == {32}
    np.testing.assert_allclose(columns["within"] + columns["between"], columns["total"], rtol=1e-12)
    for language in ("en", "zh"):
        text = TOPIC.formula(RESULT, 0, language)
        for values in (RESULT.within, RESULT.between, RESULT.total):
            assert latex(float(values[3])) in text
        assert text.count("$$") % 2 == 0


def test_the_prediction_finds_the_answer() -> None:
    assert outcome(run(Settings())) == 2
    assert outcome(run(Settings(shards="sorted"))) == 1
    assert outcome(run(Settings(shards="iid", per_device=32))) == 0


@pytest.mark.parametrize(
    ("rank0", "averaged", "option"),
    [
        (0.06, 0.06, 0),
        (0.05, 0.11, 0),  # rank 0's are good already
        (0.5, 0.06, 1),
        (0.5, 0.3, 2),
        (0.09, 0.05, None),  # another seed may be beyond the border
        (0.11, 0.05, None),
        (0.5, 0.09, None),
    ],
)
def test_near_the_border_nothing_is_asked(rank0: float, averaged: float, option: int | None) -> None:
    errors = {**RESULT.eval_error, "rank0": rank0, "averaged": averaged}
    assert outcome(dataclasses.replace(RESULT, eval_error=errors)) == option


@pytest.mark.parametrize("preset", TOPIC.presets, ids=lambda preset: preset.name)
def test_presets_run_and_differ_from_the_opening(preset: Any) -> None:
    settings = TOPIC.preset(preset.name)
    assert settings != TOPIC.opening
    assert all(TOPIC.applies(settings, name) for name in preset.changes)
    assert len(TOPIC.comparisons(run(settings))) >= 2


def test_every_setting_has_one_control() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6
