"""The topic `averages`: presets show what they say, words follow the run, pictures draw what was measured, the script prints it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.averages import figures
from bnviz.labs.averages.experiment import run
from bnviz.labs.averages.lesson import ALIKE, GUESSES, LOWER, SOMEWHAT, TOPIC, UNKNOWN, comparisons, headline, outcome
from bnviz.labs.averages.result import Result
from bnviz.labs.averages.script import script
from bnviz.labs.averages.settings import Settings
from bnviz.study.verdict import NOISY, SHOWS, judge
from tests.conftest import RunScript

SMALL: dict[str, Any] = {"depth": 2, "width": 32, "epochs": 2, "seeds": 4, "decay": 0.9}
ALL = (*TOPIC.pictures, *TOPIC.theory)


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def partial() -> Result:
    parts: list[Result] = []
    run(Settings(**SMALL), parts.append)
    return parts[0]


def test_controls_are_the_settings() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert not TOPIC.applies(Settings(average="swa"), "decay")
    assert TOPIC.applies(Settings(), "decay")
    for preset in TOPIC.presets:
        assert TOPIC.seconds(TOPIC.preset(preset.name)) < 30


def test_presets_show_what_they_promise() -> None:
    swa = run(TOPIC.preset("swa").replace(seeds=3))
    assert swa.averaged == 8
    assert swa.findings[0].mean > 0.2
    assert max(abs(finding.mean) for finding in swa.findings[1:]) < 0.01
    long = run(TOPIC.preset("memory_longer_than_training").replace(seeds=4))
    assert {finding.verdict for finding in long.findings} == {SHOWS}
    only, averaged, copied, refilled = (finding.mean for finding in long.findings)
    assert refilled < copied < averaged < only
    assert refilled > 0.05
    few = run(TOPIC.preset("too_few_seeds"))
    assert few.findings[0].mean > 0.3
    one = run(TOPIC.preset("one_refill_batch").replace(seeds=3))
    assert abs(one.findings[3].mean) < 0.02


@pytest.mark.parametrize(
    ("differences", "option"),
    [
        ([0.4, 0.41, 0.42], GUESSES),
        ([0.04, 0.041, 0.042], SOMEWHAT),
        ([-0.04, -0.041, -0.042], LOWER),
        ([0.001, 0.0, -0.001], ALIKE),
        ([0.5, -0.5, 0.1], UNKNOWN),
        ([0.08, 0.11, 0.14], UNKNOWN),  # it shows, but on which side of ten points?
    ],
)
def test_the_right_answer_follows_the_verdict(result: Result, differences: list[float], option: int) -> None:
    finding = judge(differences, 0.01)
    assert outcome(dataclasses.replace(result, findings=(finding, *result.findings[1:]))) == option
    assert option < len(TOPIC.prediction.options)


def test_comparisons_hold(result: Result) -> None:
    rows = comparisons(result)
    assert len(rows) == 4
    assert all(row.explained for row in rows)


def test_the_table_has_a_row_per_variant_seed_and_point(result: Result) -> None:
    columns = TOPIC.table(result)
    assert {len(column) for column in columns.values()} == {5 * 4 * 3}
    np.testing.assert_array_equal(columns["error_percent"], result.error_by_point.ravel())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("draw", ALL)
def test_pictures_of_any_run_are_drawn(draw: Any, language: Any, result: Result, partial: Result) -> None:
    one = run(Settings(**{**SMALL, "seeds": 1, "epochs": 1}))
    for some in (result, partial, one):
        picture = draw(some, language)
        assert picture.alt
        assert "{" not in picture.alt
        json.dumps(picture.to_plotly().to_json())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formula_has_the_runs_numbers(language: Any, result: Result) -> None:
    text = TOPIC.formula(result, 0, language)
    assert "0.9" in text
    assert "nan" not in text.lower()
    assert "\\bar d" in text
    assert ("parameters only" in text) == (language == "en")


def test_pictures_draw_what_was_measured(result: Result) -> None:
    chart = figures.held(result)
    by_name = {trace["name"]: trace["y"] for trace in chart.data}
    np.testing.assert_allclose(by_name["parameters only"], 1 / result.averaged_variance)
    chart = figures.spread(result)
    np.testing.assert_allclose(chart.data[0]["y"], chart.data[1]["y"], atol=0.01)
    curve = next(trace for trace in figures.curves(result).data if trace["name"] == "parameters only")
    np.testing.assert_allclose(curve["y"][1:], result.over.mean[1, 1:])


def test_too_few_seeds_leave_it_open() -> None:
    result = run(Settings(**{**SMALL, "seeds": 2, "epochs": 1}))
    assert {finding.verdict for finding in result.findings} == {NOISY}
    assert outcome(result) == UNKNOWN


@pytest.mark.parametrize(
    "settings",
    [
        Settings(seeds=2, epochs=1, width=24, decay=0.9),
        Settings(average="swa", start=0.5, seeds=2, epochs=3, depth=2, width=16, seed=11, refill_batches=30),
        Settings(batch_size=50, seeds=1, epochs=1, depth=1, width=16, start=0.3, decay=0.8),
    ],
)
def test_executed_the_script_prints_the_numbers_of_the_page(
    settings: Settings, tmp_path: Path, run_script: RunScript
) -> None:
    """Float32 rounds differently one network after another: one test image in 450 may change sides in one seed of each."""
    printed = run_script(script(settings), tmp_path)
    expected = headline(run(settings))
    assert list(printed) == list(expected)
    for name, value in expected.items():
        tolerance = 100 * 1.01 / 450 if name.startswith("error") else 1e-3 * abs(value) + 1e-9
        assert printed[name] == pytest.approx(value, abs=tolerance), name
