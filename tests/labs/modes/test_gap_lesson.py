"""The lesson `gap` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from bnviz.labs.modes.gap import lesson
from bnviz.labs.modes.gap.experiment import run
from bnviz.labs.modes.gap.lesson import TOPIC
from bnviz.labs.modes.gap.result import Result


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    result = opened()
    assert TOPIC.prediction.correct(result) == lesson.SMALL
    early = opened("ten_steps")
    assert early.left_over[-1] == pytest.approx(1 / 3, abs=0.02)
    assert early.recalibrated[-1, -1] == pytest.approx(early.gap[-1, -1] / 2, rel=0.1)
    assert opened("momentum_0_01").left_over[-1] == pytest.approx(0.37, abs=0.005)
    four = opened("batch_of_4")
    assert four.recalibrated[-1, -1] > 0.85 * four.gap[-1, -1]
    assert four.error_eval[-1] < four.error_train[-1] - 0.04
    assert opened("batch_of_256").gap[-1, -1] < 0.5 * result.gap[-1, -1]
    assert (np.diff(opened("ten_layers").gap[-1, :-1]) > 0).all()


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (0.4, "most of it came from the running statistics"),
        (0.95, "most of it is the noise"),
        (0.7, "about half of it"),
    ],
)
def test_a_cause_is_named_only_where_it_is_clearly_the_larger(rest: float, said: str) -> None:
    result = opened()
    recalibrated = result.recalibrated.copy()
    recalibrated[-1, -1] = rest * result.gap[-1, -1]
    assert said in lesson.finding(dataclasses.replace(result, recalibrated=recalibrated))


@pytest.mark.parametrize(
    ("gap", "option"), [(0.04, 0), (0.051, None), (0.3, 1), (0.49, None), (0.51, None), (0.6, 2), (np.nan, None)]
)
def test_a_gap_near_a_border_has_no_right_answer(gap: float, option: int | None) -> None:
    result = opened()
    gaps = result.gap.copy()
    gaps[-1, -1] = gap
    assert lesson.outcome(dataclasses.replace(result, gap=gaps)) == option
