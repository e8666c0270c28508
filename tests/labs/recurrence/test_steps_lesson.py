"""The topic `steps` of the lab `recurrence`: its words follow the run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.recurrence.steps import lesson
from bnviz.labs.recurrence.steps.experiment import run
from bnviz.labs.recurrence.steps.lesson import TOPIC
from bnviz.labs.recurrence.steps.result import Result
from bnviz.labs.recurrence.steps.settings import Settings


@pytest.fixture(scope="module")
def steps() -> Result:
    return run(TOPIC.preset("with_4_epochs"))


def test_the_answer_of_steps_holds(steps: Result) -> None:
    """Three times: between 2.5 and 3.5."""
    assert 2.5 < steps.drift / steps.fluctuation_theory < 3.5
    assert np.argmax(steps.weights) == 7
    spreads = np.sqrt(steps.batch_var)
    off = np.abs(steps.mean - steps.shared_mean) > 2 * np.maximum(steps.batch_mean.std(0), 1e-6)
    off |= np.abs(np.sqrt(steps.var) - math.sqrt(steps.shared_var)) > 2 * np.maximum(spreads.std(0), 1e-6)
    assert off.sum() >= 6
    assert steps.var[0] < 1e-10
    assert np.argmax(steps.var) == 7


def test_presets_of_steps_show_what_they_promise(steps: Result) -> None:
    fresh = run(TOPIC.preset("fresh_weights"))
    assert np.sqrt(fresh.var[1:]).mean() == pytest.approx(0.01, abs=0.005)
    assert fresh.drift > steps.drift
    half = run(TOPIC.preset("momentum_0_5"))
    assert half.weights[-1] == pytest.approx(0.5, abs=0.01)
    assert half.weights[:4].sum() == pytest.approx(1 / 16, abs=0.005)
    four = run(TOPIC.preset("batch_of_4"))
    assert np.nanmean(four.fluctuation) / np.nanmean(steps.fluctuation) == pytest.approx(4, abs=0.4)
    padded = run(TOPIC.preset("mostly_padding")).padded
    late = np.flatnonzero(np.isfinite(padded.var))[-1]
    assert padded.share[late] > 0.9
    assert math.sqrt(padded.var[late] / padded.real_var[late]) < 0.5
    pixels = run(TOPIC.preset("with_64_pixels"))
    assert pixels.var[0] < 1e-10
    assert pixels.weights[-20:].sum() == pytest.approx(0.88, abs=0.02)


def test_the_heaviest_step_is_found_in_the_run(steps: Result) -> None:
    assert lesson.heaviest(steps) == lesson.LAST
    even = run(Settings(momentum="cumulative", warmup=0, width=8))
    assert lesson.heaviest(even) == lesson.ALIKE


def test_what_has_no_effect_is_hidden() -> None:
    applies = lesson.applies
    assert not applies(Settings(), "gamma")
    assert applies(Settings(normalizer="layer"), "gamma")
    assert not applies(Settings(warmup=0), "learning_rate")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formulas_carry_the_runs_numbers(steps: Result, language: Any) -> None:
    text = TOPIC.formula(steps, 0, language)
    assert f"{steps.shared_mean_theory:.3g}" in text
    assert f"{float(steps.padded.share[-1]):.3g}" in text
    assert "nan" not in text.lower()


def test_the_tables_columns_have_one_length(steps: Result) -> None:
    assert {len(values) for values in TOPIC.table(steps).values()} == {8}
