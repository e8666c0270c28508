"""The lessons of `batch_size`: their parts belong together, and their words follow the run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.batch_size.error.advice import advise
from bnviz.labs.batch_size.error.experiment import Result, Settings, run
from bnviz.labs.batch_size.lab import LESSON
from bnviz.labs.batch_size.statistics.lesson import BOTH, NEITHER, ONLY_CNN
from bnviz.study import shipped
from bnviz.study.verdict import judge

ERROR, STATISTICS = LESSON.parts
SMALL: dict[str, Any] = {"batch_sizes": (8, 32), "epochs": 1, "seeds": 3}


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, shipped.FOLDER / ERROR.shipped)


def test_topics_and_cost() -> None:
    assert [part.topic for part in LESSON.parts] == ["error", "statistics"]
    assert ERROR.live
    assert not STATISTICS.live
    assert ERROR.cost is not None
    for number in range(len(ERROR.presets)):
        assert ERROR.cost(ERROR.preset(number)) < 15


@pytest.mark.parametrize("number", range(len(STATISTICS.presets)))
def test_presets_of_the_statistics_show_what_they_promise(number: int) -> None:
    settings = STATISTICS.preset(number)
    both = run(settings).both_statistics()
    mlp, cnn = both["mlp"], both["cnn"]
    if number == 0:
        assert np.mean(np.abs(np.abs(mlp.output) - 1) < 0.05) > 0.9
        assert cnn.batch_fidelity > 0.98
    elif number == 1:
        assert np.abs(mlp.output).max() <= math.sqrt(2) + 1e-6
        share = np.histogram(np.abs(mlp.output), np.linspace(0, math.sqrt(2) + 1e-6, 8))[0]
        assert share.argmax() == 7 - 1
    elif number == 2:
        assert 0.93 < mlp.batch_fidelity < cnn.batch_fidelity
    elif number == 3:
        assert mlp.refusal
        assert cnn.batch_fidelity > 0.95
    elif number == 4:
        assert mlp.fidelity[-1] - mlp.fidelity[-2] < 0.03
        assert mlp.fidelity[-1] < 0.7
    else:
        first = run(settings.replace(hidden_layer=1)).both_statistics()["cnn"]
        assert mlp.batch_fidelity + 0.5 < cnn.batch_fidelity < first.batch_fidelity


def test_the_answers_hold_at_the_defaults(default: Result) -> None:
    assert default.advice.least == 8
    assert default.error_mean[0, 0] > 3 * default.error_mean[1:, 0].max()
    assert default.remaining[0].low > 0.1
    assert default.both_statistics()["cnn"].fidelity[0] > 0.98
    assert default.both_statistics()["mlp"].fidelity[0] < 0.36


@pytest.mark.parametrize(
    ("rows", "right"),
    [
        (((0.0, 0.001, -0.001), (0.0, 0.001, -0.001)), 0),
        (((0.2, 0.21, 0.22), (0.0, 0.001, -0.001)), 1),
        (((0.2, 0.21, 0.22), (0.2, 0.21, 0.22)), 2),
        (((0.2, -0.2, 0.0), (0.2, -0.2, 0.0)), 3),
        (((), ()), 3),
    ],
)
def test_the_right_answer_is_the_advice(result: Result, rows: Any, right: int) -> None:
    matches = [
        dataclasses.replace(match, finding=judge(row, 0.01)) for match, row in zip(result.matches, rows, strict=True)
    ]
    assert ERROR.prediction.correct(dataclasses.replace(result, advice=advise(matches))) == right


@pytest.mark.parametrize(
    ("mlp", "cnn", "right"),
    [(0.3, 0.99, ONLY_CNN), (0.95, 0.99, BOTH), (0.3, 0.5, NEITHER), (math.nan, 0.99, ONLY_CNN)],
)
def test_the_right_answer_is_what_survives(result: Result, mlp: float, cnn: float, right: int) -> None:
    changed = dataclasses.replace(
        result,
        statistics=dataclasses.replace(result.statistics, batch_fidelity=mlp),
        other_statistics=dataclasses.replace(result.other_statistics, batch_fidelity=cnn),
    )
    assert STATISTICS.prediction.correct(changed) == right


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formula_of_the_error_carries_the_numbers(result: Result, language: Any) -> None:
    text = ERROR.formula(result, 0, language)
    finding = result.matches[0].finding
    for number in (
        f"{100 * finding.mean:.2f} \\pm {50 * (finding.high - finding.low):.2f}",
        "4.3\\cdot",  # 97.5 % point of Student's t with 2 degrees of freedom
        f"{0.3 * 8 / 64:.3g}",
        result.advice.sentences[0].text(language),
    ):
        assert number in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sampling", ["iid", "one_class"])
def test_the_formula_of_the_statistics_carries_the_numbers(sampling: Any, language: Any) -> None:
    result = run(Settings(topic="statistics", batch_size=6, batch_sizes=(6,), sampling=sampling))
    text = STATISTICS.formula(result, 0, language)
    both = result.both_statistics()
    assert f"{both['mlp'].batch_fidelity:.3g}" in text
    assert f"{both['cnn'].correlation:.3g}" in text
    assert f"{both['mlp'].mean_noise[0]:.3g}" in text
    assert f"{float(both['cnn'].mean_noise_theory[0]):.3g}" in text
    # (2/6)·[Γ(3)/Γ(2.5)]²
    assert f"{2 / 6 * (2 / 1.32934) ** 2:.3g}" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("changes", [{"seeds": 1}, {"batch_sizes": (1,), "batch_size": 1}, {"normalizers": ("batch",)}])
def test_formulas_and_tables_stand_where_numbers_are_missing(changes: dict[str, Any], language: Any) -> None:
    result = run(Settings(**({"batch_sizes": (64,), "epochs": 1, "seeds": 2} | changes)))
    for part in LESSON.parts:
        text = part.formula(result, 0, language)
        assert "nan" not in text.lower().replace(r"\text{nan}", "")
        assert all(math.isfinite(row.measured) for row in part.comparisons(result))
        assert part.headline(result)


def test_comparisons_agree_with_theory(default: Result) -> None:
    for part, count in ((ERROR, 6), (STATISTICS, 12)):
        rows = part.comparisons(default)
        assert len(rows) == count
        assert all(row.standard_error > 0 for row in rows)
        assert sum(row.explained for row in rows) >= count - 1


def test_tables_hold_every_number_once(result: Result) -> None:
    columns = ERROR.table(result)
    assert {len(values) for values in columns.values()} == {result.test_error.size}
    row = (columns["normalizer"] == "group") & (columns["batch_size"] == 32) & (columns["seed"] == 2)
    assert columns["test_error"][row] == [result.test_error[2, 1, 2]]
    assert np.isnan(columns["test_error_recalibrated"][row]).all()
    row = (columns["normalizer"] == "batch") & (columns["batch_size"] == 8) & (columns["seed"] == 1)
    assert columns["test_error_recalibrated"][row] == [result.recalibrated_error[0, 1]]
    columns = STATISTICS.table(result)
    assert {len(values) for values in columns.values()} == {4}
    row = (columns["network"] == "cnn") & (columns["batch_size"] == 32)
    assert columns["values_per_channel"][row] == [32 * 64]
    assert columns["fidelity"][row] == [result.other_statistics.fidelity[1]]
