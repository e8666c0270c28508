"""The lessons of `batch_size`: their parts belong together, and their words follow the run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.batch_size.error.advice import advise
from bnviz.labs.batch_size.error.experiment import run
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.lab import LAB
from bnviz.labs.batch_size.statistics.lesson import BOTH, NEITHER, ONLY_CNN
from bnviz.labs.batch_size.statistics.result import Result as CloseResult
from bnviz.study import shipped
from bnviz.study.verdict import judge
from bnviz.teaching.lab import AnyTopic, InstantTopic, LiveTopic

ERROR, STATISTICS = LAB.topics
SMALL: dict[str, Any] = {"batch_sizes": (8, 32), "epochs": 1, "seeds": 3}


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def close() -> CloseResult:
    result: CloseResult = STATISTICS.compute(STATISTICS.settings(batch_sizes=(8, 32)))
    return result


@pytest.fixture(scope="module")
def default() -> Result:
    assert isinstance(ERROR, LiveTopic)
    return shipped.load(Result, ERROR.shipped)


def test_topics_and_cost() -> None:
    assert [topic.name for topic in LAB.topics] == ["error", "statistics"]
    assert isinstance(ERROR, LiveTopic)
    assert isinstance(STATISTICS, InstantTopic)
    for preset in ERROR.presets:
        assert ERROR.seconds(ERROR.preset(preset.name)) < 15


@pytest.mark.parametrize("name", [preset.name for preset in STATISTICS.presets])
def test_presets_of_the_statistics_show_what_they_promise(name: str) -> None:
    settings = STATISTICS.preset(name)
    both = STATISTICS.compute(settings).both_statistics()
    mlp, cnn = both["mlp"], both["cnn"]
    if name == "batch_of_2":
        assert np.mean(np.abs(np.abs(mlp.output) - 1) < 0.05) > 0.9
        assert cnn.batch_fidelity > 0.98
    elif name == "batch_of_3":
        assert np.abs(mlp.output).max() <= math.sqrt(2) + 1e-6
        share = np.histogram(np.abs(mlp.output), np.linspace(0, math.sqrt(2) + 1e-6, 8))[0]
        assert share.argmax() == 7 - 1
    elif name == "batch_of_32":
        assert 0.93 < mlp.batch_fidelity < cnn.batch_fidelity
    elif name == "one_image":
        assert mlp.refusal
        assert cnn.batch_fidelity > 0.95
    elif name == "from_one_class":
        assert mlp.fidelity[-1] - mlp.fidelity[-2] < 0.03
        assert mlp.fidelity[-1] < 0.7
    else:
        assert name == "second_layer"
        first = STATISTICS.compute(settings.replace(hidden_layer=1)).both_statistics()["cnn"]
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
    [
        (0.3, 0.99, ONLY_CNN),
        (0.95, 0.99, BOTH),
        (0.3, 0.5, NEITHER),
        (math.nan, 0.99, ONLY_CNN),
        (0.897, 0.99, None),  # another seed may be beyond the border
        (0.3, 0.903, None),
    ],
)
def test_the_right_answer_is_what_survives(close: CloseResult, mlp: float, cnn: float, right: int | None) -> None:
    changed = dataclasses.replace(
        close,
        statistics=dataclasses.replace(close.statistics, batch_fidelity=mlp),
        other_statistics=dataclasses.replace(close.other_statistics, batch_fidelity=cnn),
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
    result = STATISTICS.compute(STATISTICS.settings(batch_size=6, batch_sizes=(6,), sampling=sampling))
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
@pytest.mark.parametrize(
    ("topic", "settings"),
    [
        (ERROR, {"batch_sizes": (64,), "epochs": 1, "seeds": 1}),
        (ERROR, {"batch_sizes": (1,), "epochs": 1, "seeds": 2}),
        (ERROR, {"batch_sizes": (64,), "epochs": 1, "seeds": 2, "normalizers": ("batch",)}),
        (STATISTICS, {"batch_sizes": (64,)}),
        (STATISTICS, {"batch_sizes": (1,), "batch_size": 1}),
    ],
)
def test_formulas_and_tables_stand_where_numbers_are_missing(
    topic: AnyTopic, settings: dict[str, Any], language: Any
) -> None:
    result = topic.compute(topic.settings(**settings))
    text = topic.formula(result, 0, language)
    assert "nan" not in text.lower().replace(r"\text{nan}", "")
    assert all(math.isfinite(row.measured) for row in topic.comparisons(result))
    assert topic.headline(result)


def test_comparisons_agree_with_theory(default: Result) -> None:
    for rows, count in (
        (ERROR.comparisons(default), 6),
        (STATISTICS.comparisons(STATISTICS.compute(STATISTICS.opening)), 12),
    ):
        assert len(rows) == count
        assert all(row.standard_error > 0 for row in rows)
        assert sum(row.explained for row in rows) >= count - 1


def test_tables_hold_every_number_once(result: Result, close: CloseResult) -> None:
    columns = ERROR.table(result)
    assert {len(values) for values in columns.values()} == {result.test_error.size}
    row = (columns["normalizer"] == "group") & (columns["batch_size"] == 32) & (columns["seed"] == 2)
    assert columns["test_error"][row] == [result.test_error[2, 1, 2]]
    assert np.isnan(columns["test_error_recalibrated"][row]).all()
    row = (columns["normalizer"] == "batch") & (columns["batch_size"] == 8) & (columns["seed"] == 1)
    assert columns["test_error_recalibrated"][row] == [result.recalibrated_error[0, 1]]
    columns = STATISTICS.table(close)
    assert {len(values) for values in columns.values()} == {4}
    row = (columns["network"] == "cnn") & (columns["batch_size"] == 32)
    assert columns["values_per_channel"][row] == [32 * 64]
    assert columns["fidelity"][row] == [close.other_statistics.fidelity[1]]
