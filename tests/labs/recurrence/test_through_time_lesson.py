"""The topic `through_time` of the lab `recurrence`: its words follow the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.recurrence.through_time import lesson
from bnviz.labs.recurrence.through_time.experiment import run
from bnviz.labs.recurrence.through_time.lesson import TOPIC
from bnviz.labs.recurrence.through_time.result import Result


@pytest.fixture(scope="module")
def back() -> Result:
    return run(TOPIC.preset("tanh_gamma_1"))


def test_the_answer_and_presets_of_through_time_hold(back: Result) -> None:
    left = dict(zip(back.variants, back.relative.mean[:, 0], strict=True))
    assert left["batch_per_step"] == pytest.approx(0.5, abs=0.1)
    assert left["none"] == pytest.approx(0.02, abs=0.003)
    assert left["batch_input_only"] < left["none"]
    growth = dict(zip(back.variants, back.growth_over_seeds.mean, strict=True))
    np.testing.assert_allclose(growth["none"], 0.57, atol=0.01)
    assert 0.84 < growth["batch_per_step"][1:].mean() < 0.92
    assert lesson.more_kept(back) == lesson.ONE
    small, large, lstm, four = (
        run(TOPIC.preset(name).replace(seeds=3)) for name in ("gamma_0_1", "gamma_3", "lstm", "batch_of_4")
    )
    assert small.relative.mean[1, 0] < left["batch_per_step"]
    assert large.relative.mean[1, 0] > 1
    assert np.argmin(lstm.growth_over_seeds.mean[0]) == 6
    per_step, layer = four.growth_over_seeds.mean[1], four.growth_over_seeds.mean[3]
    assert per_step.mean() > 1.2 * four.growth_theory[1].mean()
    np.testing.assert_allclose(layer, four.growth_theory[3], rtol=0.1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formulas_carry_the_runs_numbers(back: Result, language: Any) -> None:
    text = TOPIC.formula(back, 0, language)
    assert "0.82" in text
    assert f"{back.relative_theory[1, 0]:.3g}" in text
    assert "nan" not in text.lower()


def test_the_tables_columns_have_one_length(back: Result) -> None:
    assert {len(values) for values in TOPIC.table(back).values()} == {4 * 6 * 8}
