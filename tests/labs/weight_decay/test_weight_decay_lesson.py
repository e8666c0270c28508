"""The topic `weight_decay`: presets show what they say, words follow the run, pictures draw what was measured, the script prints it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.weight_decay import figures
from bnviz.labs.weight_decay.experiment import run
from bnviz.labs.weight_decay.lesson import (
    ALIKE,
    BY_DECAY,
    BY_RATE,
    TOPIC,
    UNSETTLED,
    comparisons,
    counts_without_batch_norm,
    finding,
    gamma_shrinks,
    headline,
    nothing_settles,
    outcome,
)
from bnviz.labs.weight_decay.result import Result
from bnviz.labs.weight_decay.settings import Settings
from bnviz.plot.numbers import latex
from bnviz.study import shipped
from tests.conftest import RunScript

SMALL: dict[str, Any] = {"learning_rates": (0.2, 0.4), "weight_decays": (0.005, 0.01), "steps": 60, "width": 16}
ALL = (*TOPIC.pictures, *TOPIC.theory)


@pytest.fixture(scope="module")
def opening() -> Result:
    return shipped.load(Result, TOPIC.shipped)


@pytest.fixture(scope="module")
def others() -> dict[str, Result]:
    """Runs of other kinds, a partial one among them."""
    parts: list[Result] = []
    return {
        "whole": run(Settings(**SMALL), parts.append),
        "partial": parts[0],
        "without": run(Settings(**SMALL, batch_norm=False)),
        "adamw": run(Settings(**{**SMALL, "optimizer": "adamw", "learning_rates": (0.004,)})),
        "momentum": run(Settings(**SMALL, momentum=0.9, decayed="all")),
    }


def test_controls_are_the_settings() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert not TOPIC.applies(Settings(optimizer="adamw"), "momentum")
    assert TOPIC.applies(Settings(), "momentum")
    for preset in TOPIC.presets:
        assert TOPIC.seconds(TOPIC.preset(preset.name)) < 30


@pytest.mark.claim
def test_what_is_said_of_runs_that_do_not_settle() -> None:
    idle = run(TOPIC.preset("not_settled"))
    assert nothing_settles(idle)
    assert (idle.angle < 0.2 * idle.angle_theory).all()
    assert (idle.remaining > 1000).all(), "thousands of steps"
    dropped = run(TOPIC.preset("rate_drops").replace(learning_rates=(0.2,), steps=800))
    assert nothing_settles(dropped)
    assert (dropped.angle < 0.5 * dropped.angle_theory).all()


@pytest.mark.claim
def test_what_is_said_of_momentum() -> None:
    result = run(TOPIC.preset("momentum").replace(learning_rates=(0.04,), weight_decays=(0.005, 0.01)))
    assert result.settled.all()
    np.testing.assert_allclose(result.angle, result.angle_theory, rtol=0.05)
    plain = np.sqrt(2 * 10 * result.product)
    np.testing.assert_allclose(result.angle_theory / plain, 0.23, atol=0.01)


@pytest.mark.claim
def test_what_is_said_of_adamw() -> None:
    result = run(TOPIC.preset("adamw").replace(learning_rates=(0.004,), weight_decays=(0.5, 1.0)))
    assert result.settled.all()
    np.testing.assert_allclose(result.angle, result.angle_theory, rtol=0.1)


@pytest.mark.claim
def test_what_is_said_without_batch_norm_and_of_gamma() -> None:
    pairs = {"learning_rates": (0.1, 0.2), "weight_decays": (0.005, 0.01), "steps": 600}
    without = run(TOPIC.preset("no_batch_norm").replace(**pairs))
    assert counts_without_batch_norm(without)
    first, second = without.angle[without.alike()[0.001]]
    assert max(first, second) > 1.15 * min(first, second), "runs of equal η·λ do not fall together"
    everything = run(TOPIC.preset("everything_decays").replace(learning_rates=(0.4,), steps=600))
    assert gamma_shrinks(everything)
    weights = run(Settings(learning_rates=(0.4,), steps=600))
    assert (weights.gamma[:, -1] > everything.gamma[:, -1] + 0.1).all()


def test_the_right_answer_follows_the_run(opening: Result) -> None:
    assert outcome(opening) == ALIKE
    runs = opening.alike()[0.002]
    for rate, option in ((opening.learning_rate[runs].max(), BY_RATE), (opening.learning_rate[runs].min(), BY_DECAY)):
        more = np.where((opening.learning_rate == rate) & np.isin(np.arange(12), runs), 1.2, 1.0)
        assert outcome(dataclasses.replace(opening, angle=opening.angle * more)) == option
    assert outcome(dataclasses.replace(opening, settled=np.zeros(12, bool))) == UNSETTLED
    assert len(TOPIC.prediction.options) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_finding_is_of_the_run(opening: Result, others: dict[str, Result], language: Any) -> None:
    said = finding(opening, language)
    assert str(int(opening.settled.sum())) in said
    assert len({finding(result, language) for result in (opening, others["without"], others["partial"])}) == 3


def test_only_plain_sgd_is_said_to_turn_by_the_gradient(opening: Result) -> None:
    """With momentum or AdamW a step is no multiple of the gradient: the identity of single steps does not apply."""
    idle = dataclasses.replace(opening, settled=np.zeros(12, bool))
    assert "η‖g‖/‖w‖ sets the angle" in finding(idle)
    for changes in ({"momentum": 0.9}, {"optimizer": "adamw"}):
        other = dataclasses.replace(idle, settings=idle.settings.replace(**changes))
        assert "‖g‖" not in finding(other)
        assert "No run of 12 has settled yet" in finding(other)


def test_comparisons_hold(opening: Result, others: dict[str, Result]) -> None:
    rows = comparisons(opening)
    assert sum(row.quantity.text().startswith("angle per step, ") for row in rows) >= 6
    assert [row.quantity.text() for row in rows if not row.explained] == []
    wrong = dataclasses.replace(opening, angle_theory=opening.angle_theory * 1.11)
    assert [row for row in comparisons(wrong) if not row.explained]
    assert comparisons(others["without"]) == []
    assert comparisons(others["partial"]) == []


def test_the_table_has_a_row_per_run_and_point(opening: Result) -> None:
    columns = TOPIC.table(opening)
    assert {len(column) for column in columns.values()} == {opening.length.size}
    np.testing.assert_array_equal(columns["length"], opening.length.ravel())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("draw", ALL)
def test_pictures_of_any_run_are_drawn(draw: Any, language: Any, opening: Result, others: dict[str, Result]) -> None:
    for result in (opening, *others.values()):
        picture = draw(result, language)
        assert picture.alt
        assert "{" not in picture.alt
        assert "nan" not in picture.alt.lower()
        if hasattr(picture, "to_plotly"):
            json.dumps(picture.to_plotly().to_json())


def test_pictures_draw_what_was_measured(opening: Result) -> None:
    dots = [trace for trace in figures.angles(opening).data if trace["mode"] == "markers"]
    drawn = {(x, y) for trace in dots for x, y in zip(trace["x"].tolist(), trace["y"].tolist(), strict=True)}
    assert drawn == set(zip(opening.product.tolist(), np.degrees(opening.angle).tolist(), strict=True))
    hollow = sum(symbol.endswith("-open") for trace in dots for symbol in trace["marker"]["symbol"])
    assert hollow == (~opening.settled).sum()
    theory = figures.angles(opening).data[0]
    np.testing.assert_allclose(np.radians(theory["y"]) ** 2, 2 * np.asarray(theory["x"]))
    columns = next(iter(figures.runs(opening).tabs.values())).columns  # type: ignore[union-attr]
    assert sum(word == "yes" for word in columns["settled"]) == opening.settled.sum()
    assert sum("more steps" in str(word) for word in columns["settled"]) == (opening.remaining >= 1).sum()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formula_has_the_runs_numbers(language: Any, opening: Result, others: dict[str, Result]) -> None:
    text = TOPIC.formula(opening, 0, language)
    for value in (opening.angle[-1], opening.angle_theory[-1], opening.length[-1, -1], 100 * opening.halved[-1]):
        assert latex(float(value)) in text
    for result in others.values():
        text = TOPIC.formula(result, 0, language)
        assert text.count("$$") % 2 == 0
        assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(**{**SMALL, "steps": 30, "momentum": 0.9, "decayed": "all", "depth": 1, "seed": 11}),
        Settings(
            **{**SMALL, "steps": 30, "optimizer": "adamw", "learning_rates": (0.004,), "schedule": "drop", "depth": 3}
        ),
        Settings(**{**SMALL, "steps": 30, "batch_norm": False, "batch_size": 50}),
    ],
)
def test_executed_the_script_prints_the_numbers_of_the_page(
    settings: Settings, tmp_path: Path, run_script: RunScript
) -> None:
    """Float32 rounds differently one network after another: two test images in 450 may change sides."""
    printed = run_script(TOPIC.script(settings), tmp_path)
    expected = headline(run(settings))
    assert list(printed) == list(expected)
    for name, value in expected.items():
        tolerance = 100 * 2.01 / 450 if name.startswith("error") else 2e-3 * abs(value)
        assert printed[name] == pytest.approx(value, abs=tolerance), name
