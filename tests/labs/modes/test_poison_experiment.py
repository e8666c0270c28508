"""The topic `poison` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bnviz.labs.modes.poison.experiment import batch_weight, run
from bnviz.labs.modes.poison.result import Result
from bnviz.labs.modes.poison.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12}


def poisoned(**changes: Any) -> Result:
    return run(Settings(**SMALL | {"steps": 40, "batch_size": 32, "poison_at": 25} | changes))


@pytest.mark.parametrize("kind", ["nan", "inf"])
def test_not_finite_once_is_not_finite_for_good(kind: str) -> None:
    result = poisoned(poison=kind)
    after = result.batches >= 25
    np.testing.assert_array_equal(result.bad_statistics[~after], 0)
    np.testing.assert_array_equal(result.bad_outputs, after.astype(float))
    assert (result.bad_statistics[after] == 1).all()
    assert np.isfinite(result.error_train).all()
    assert result.skipped == 1
    error = dict(zip(result.cures, result.cured_error, strict=True))
    assert all(math.isnan(error[cure]) for cure in ("nothing", "more_batches", "momentum_one"))
    assert error["recalibrate"] < error["reset"]
    assert error["recalibrate"] <= result.error_train[-1] + 0.05


def test_a_finite_pixel_whose_square_is_not_stops_every_answer_without_a_nan() -> None:
    result = poisoned(poison="huge")
    assert np.isfinite(result.losses).all()
    assert np.isfinite(result.error_eval).all()
    assert result.bad_statistics[-1, 0] == 0.5  # the variances, not the means
    assert result.error_eval[-1] > 0.8
    assert result.error_train[-1] < 0.5


def test_a_large_pixel_is_forgotten_by_the_formula() -> None:
    result = poisoned(poison="large", momentum=0.2)
    good = result.running_var[result.before]
    np.testing.assert_allclose(result.running_var[-1], result.expected_var[-1], atol=good / 2)
    assert result.expected_var[-1] > 10 * good
    error = dict(zip(result.cures, result.cured_error, strict=True))
    assert error["more_batches"] < result.error_eval[-1]
    assert batch_weight(result.settings, 25, np.array([25, 27])) == pytest.approx([0.2, 0.2 * 0.8**2])


def test_a_bad_step_that_is_taken_costs_the_weights() -> None:
    result = poisoned(skip_bad_steps=False)
    assert np.isnan(result.error_train[result.batches >= 25]).all()
    assert np.isnan(result.cured_error).all()
    assert result.skipped == 0


def test_without_poison_both_modes_agree_in_the_end() -> None:
    result = poisoned(poison_at=1000)
    assert result.poisoned_at == 0
    assert not result.bad_statistics.any()
    assert abs(result.error_eval[-1] - result.error_train[-1]) < 0.1
