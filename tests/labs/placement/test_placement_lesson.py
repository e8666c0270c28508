"""The topic `placement`: its parts belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import string
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.placement.experiment import run
from bnviz.labs.placement.lesson import AFTER, ALIKE, BEFORE, TOPIC, UNKNOWN, comparisons, headline
from bnviz.labs.placement.result import Result
from bnviz.labs.placement.settings import Settings
from bnviz.study.verdict import NOISY, judge
from bnviz.teaching.lab import LiveTopic

SMALL: dict[str, Any] = {"depth": 2, "width": 32, "epochs": 2, "seeds": 4}


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(**SMALL))


def test_controls_are_the_settings() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6
    assert 3 <= len(TOPIC.presets) <= 6
    assert len(TOPIC.pictures) <= 3
    assert len(TOPIC.theory) <= 3
    assert isinstance(TOPIC, LiveTopic)
    for preset in TOPIC.presets:
        assert TOPIC.seconds(TOPIC.preset(preset.name)) < 30


@pytest.mark.claim
def test_presets_show_what_they_promise() -> None:
    """Each line says what to look for; here it is looked for. ReLU, sigmoid and tanh: test_placement_experiment.py."""
    result = run(TOPIC.preset("pytorch_s_initialization"))
    assert result.findings[0].high < 0
    result = run(TOPIC.preset("too_few_seeds"))
    assert result.findings[0].verdict == NOISY
    assert {-1, 1} <= set(np.sign(result.differences[0]))
    result = run(TOPIC.preset("learning_rate_10"))
    none, before, after = result.diverged_at
    assert (none > 0).sum() > 5
    assert (after > 0).all()
    assert max(after) <= 20
    assert (before == -1).all()
    assert result.error.mean[1, -1] > 0.5


@pytest.mark.parametrize(
    ("differences", "right"),
    [
        ((0.02, 0.022, 0.021), AFTER),
        ((-0.02, -0.022, -0.021), BEFORE),
        ((0.001, -0.001, 0.0), ALIKE),
        ((0.03, -0.03, 0.01), UNKNOWN),
    ],
)
def test_the_right_answer_is_the_verdict(result: Result, differences: tuple[float, ...], right: int) -> None:
    findings = (judge(differences, 0.01), *result.findings[1:])
    assert TOPIC.prediction.correct(dataclasses.replace(result, findings=findings)) == right


@pytest.mark.parametrize("language", LANGUAGES)
def test_formula_carries_the_numbers(result: Result, language: Any) -> None:
    text = TOPIC.formula(result, 0, language)
    finding = result.findings[0]
    assert text.count("$$") % 2 == 0
    assert text.count("{") == text.count("}")
    for number in (
        f"{100 * finding.mean:.2f} \\pm {50 * (finding.high - finding.low):.2f}",
        f"{100 * result.accuracy[2, 0, -1]:.2f} - {100 * result.accuracy[1, 0, -1]:.2f}",
        "3.18",  # 97.5 % point of Student's t with 3 degrees of freedom
        f"{result.passed_mean[1, -1]:.3g}",
        f"{result.passed_variance[1, -1]:.3g}",
        "0.399",
        "0.341",
    ):
        assert number in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("changes", [{"seeds": 1}, {"learning_rate": 10.0, "activation": "identity"}])
def test_formula_stands_where_numbers_are_missing(changes: dict[str, Any], language: Any) -> None:
    text = TOPIC.formula(run(Settings(**(SMALL | {"epochs": 1} | changes))), 0, language)
    assert "nan" not in text.replace("NaN", "")


def test_comparisons_are_exact_where_theory_is_and_near_where_it_is_for_normal_values(result: Result) -> None:
    effect, gradient, mean, variance, centred = comparisons(result)
    for row in (effect, gradient, centred):
        assert row.explained
        assert row.standard_error == 0
    # Pre-activations of digits are not quite normal: within 5 % of the normal law's moments.
    assert mean.measured == pytest.approx(mean.predicted, rel=0.05)
    assert variance.measured == pytest.approx(variance.predicted, rel=0.05)
    assert mean.standard_error > 0
    assert variance.note is not None


def test_table_holds_every_number_once(result: Result) -> None:
    columns = TOPIC.table(result)
    assert {len(values) for values in columns.values()} == {result.accuracy.size}
    row = (columns["position"] == "after") & (columns["seed"] == 2) & (columns["step"] == result.steps[5])
    assert columns["accuracy"][row] == [result.accuracy[2, 2, 5]]
    assert columns["test_loss"][row] == [result.loss[2, 2, 5]]


def test_headline_is_in_percent_and_points(result: Result) -> None:
    numbers = headline(result)
    assert numbers["error_after"] == pytest.approx(100 * (1 - result.accuracy[2, :, -1].mean()))
    assert numbers["difference"] == pytest.approx(numbers["error_before"] - numbers["error_after"])
    assert np.isfinite(list(numbers.values())).all()


def test_words_of_the_lesson_have_no_open_places() -> None:
    for text in (
        TOPIC.question,
        TOPIC.answer,
        *(preset.look_for for preset in TOPIC.presets),
        TOPIC.prediction.explanation,
    ):
        assert not [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    assert all(source.url.startswith("https://") for source in TOPIC.sources)
