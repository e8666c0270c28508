"""The topic `momentum_error` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import TrainingPlan, train
from bnviz.labs.modes.momentum_error import experiment
from bnviz.labs.modes.momentum_error.experiment import run
from bnviz.labs.modes.momentum_error.result import Result
from bnviz.labs.modes.momentum_error.settings import Settings
from bnviz.labs.modes.shared.network import network_plan
from bnviz.study.verdict import SHOWS, judge

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12, "seeds": 3}


@pytest.fixture(scope="module")
def error() -> Result:
    return run(Settings(momentum=0.01, batch_size=16, steps=84))


@pytest.mark.parametrize("momentum", [0.01, "cumulative"])
def test_listening_modules_give_what_a_training_of_that_momentum_gives(momentum: Any) -> None:
    settings = Settings(**SMALL, momentum=momentum)
    result = run(settings.replace(momentum=0.3))
    data = digits_data((0, 1, 2))
    alone = train(build_replicas(network_plan(settings), data.seeds), data, TrainingPlan(12, 16, (12,)))
    np.testing.assert_array_equal(result.error[result.momentums.index(momentum)], 1 - alone.accuracy[:, -1])


def test_what_was_trained_serves_other_momentums_and_recalibrations_unchanged() -> None:
    settings = Settings(**SMALL, momentum=0.3, passes=2)
    experiment.train_networks.cache_clear()
    first = run(settings)
    for change in ({"momentum": 0.01}, {"passes": 5}, {"momentum": "cumulative"}):
        run(settings.replace(**change))
    assert experiment.train_networks.cache_info().misses == 1
    np.testing.assert_array_equal(run(settings).error, first.error)
    for other in ({"momentum": 0.02}, {"seed": 5}, {"learning_rate": 0.2}):
        run(settings.replace(**other))
    assert experiment.train_networks.cache_info().misses == 4


def test_the_recipe_comes_out(error: Result) -> None:
    """Recipe (h), six seeds: 37.0, 11.2, 6.1, 8.8 %, exact 6.3. Tolerances: four standard errors of six and ten seeds."""
    mean = dict(zip(error.momentums, 100 * error.over.mean, strict=True))
    assert mean[0.001] == pytest.approx(37.0, abs=27)
    assert mean[0.01] == pytest.approx(11.2, abs=5)
    assert mean[0.1] == pytest.approx(6.1, abs=3.4)
    assert mean[1.0] == pytest.approx(8.8, abs=5.7)
    assert 100 * error.recalibrated_over.mean == pytest.approx(6.3, abs=3.4)
    assert [finding.verdict for finding in error.findings] == [SHOWS] * 3


def test_the_initial_weight_is_what_the_module_keeps(error: Result) -> None:
    np.testing.assert_allclose(error.left_over_measured, error.left_over, rtol=2e-5, atol=1e-7)
    assert error.momentums[-1] == "cumulative"
    assert error.left_over[-1] == 0


def test_differences_are_error_minus_recalibrated_error(error: Result) -> None:
    assert error.pairs == (0.01, 0.001, 1.0)
    for momentum, row, finding in zip(error.pairs, error.differences, error.findings, strict=True):
        np.testing.assert_array_equal(row, error.error[error.momentums.index(momentum)] - error.recalibrated)
        assert finding == judge(row, 0.01)
    np.testing.assert_array_equal(error.by_count[error.counts.tolist().index(16)], error.recalibrated)
