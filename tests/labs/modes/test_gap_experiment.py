"""The topic `gap` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bnviz.labs.modes.gap.experiment import run
from bnviz.labs.modes.gap.result import Result
from bnviz.labs.modes.gap.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12}


@pytest.fixture(scope="module")
def gap() -> Result:
    return run(Settings())


def test_what_a_layer_adds_follows_from_its_four_statistics(gap: Result) -> None:
    np.testing.assert_allclose(gap.own, gap.own_theory, rtol=1e-5)
    np.testing.assert_allclose(gap.own[:, 0], gap.gap[:, 0], rtol=1e-5)  # nothing has come from below
    assert (gap.gap[-1, 1:3] > gap.own[-1, 1:3]).all()


def test_recalibrated_the_first_layer_is_off_by_the_noise_of_the_batch(gap: Result) -> None:
    assert gap.floor == pytest.approx(math.sqrt(1.5 / 32), rel=0.02)
    expected = math.sqrt(gap.floor**2 + 1.5 / (32 * 16))
    assert gap.recalibrated[-1, 0] == pytest.approx(expected, abs=4 * gap.floor_error)


def test_the_gap_closes_as_the_start_is_forgotten(gap: Result) -> None:
    assert gap.steps[0] == 0
    assert gap.left_over[0] == 1
    assert gap.left_over[-1] == pytest.approx(0.9**100)
    assert gap.gap[0, 0] > 0.8
    assert gap.gap[-1, -1] == pytest.approx(gap.recalibrated[-1, -1], rel=0.1)


def test_the_momentum_changes_eval_mode_and_nothing_else() -> None:
    fast, slow = (run(Settings(**SMALL, momentum=momentum)) for momentum in (0.5, 0.01))
    np.testing.assert_array_equal(fast.error_train, slow.error_train)
    np.testing.assert_array_equal(fast.recalibrated, slow.recalibrated)
    assert slow.gap[-1, 0] > 1.5 * fast.gap[-1, 0]


def test_one_value_passes_the_layer_as_written(gap: Result) -> None:
    one = gap.sample
    for mean, var, output in (
        (one.batch_mean, one.batch_var, one.in_train),
        (one.running_mean, one.running_var, one.in_eval),
    ):
        assert one.gamma * (one.value - mean) / math.sqrt(var + one.eps) + one.beta == pytest.approx(output, abs=1e-5)


def test_divergence_is_no_number_and_no_crash() -> None:
    result = run(Settings(**SMALL | {"steps": 200, "depth": 1}, learning_rate=10.0))
    assert result.gap.shape[1] == 2
