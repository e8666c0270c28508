"""The topic `error` of the lab `recurrence`: its words follow the run."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.recurrence.error import lesson
from bnviz.labs.recurrence.error.experiment import run
from bnviz.labs.recurrence.error.lesson import TOPIC
from bnviz.labs.recurrence.error.result import Result
from bnviz.study import shipped
from bnviz.study.verdict import judge


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_the_outcome_follows_the_verdict(default: Result) -> None:
    assert lesson.outcome(default) == lesson.WORSE
    for values, expected in (
        (np.full(8, 0.03) + np.linspace(0, 0.01, 8), lesson.BETTER),
        (np.linspace(-0.001, 0.001, 8), lesson.ALIKE),
        (np.linspace(-0.1, 0.1, 8), lesson.UNKNOWN),
    ):
        other = dataclasses.replace(default, findings=(judge(values, 0.01), *default.findings[1:]))
        assert lesson.outcome(other) == expected


@pytest.mark.claim
def test_cheap_presets_of_error_show_what_they_promise() -> None:
    """The slow one with fewer seeds than on the page; "Twenty seeds" and γ = 0.1 are too dear for a test (figures: see the commit)."""
    names = ("none", "batch_per_step", "batch_shared", "batch_input_only", "layer")
    four = run(TOPIC.preset("batch_of_4"))
    errors = dict(zip(names, (error.mean[-1] for error in four.errors), strict=True))
    assert min(errors["batch_shared"], errors["batch_per_step"]) > max(errors["none"], errors["layer"]) + 0.03
    assert errors["batch_input_only"] < errors["batch_per_step"] - 0.1
    slow = run(TOPIC.preset("momentum_0_01").replace(seeds=2, epochs=4))
    assert slow.findings[0].mean > 0.05


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formulas_carry_the_runs_numbers(default: Result, language: Any) -> None:
    text = TOPIC.formula(default, 0, language)
    assert f"{100 * default.findings[0].mean:.2f}" in text
    assert "= 1680" in text
    assert "nan" not in text.lower()


def test_the_tables_columns_have_one_length(default: Result) -> None:
    assert {len(values) for values in TOPIC.table(default).values()} == {5 * 8 * len(default.steps)}
