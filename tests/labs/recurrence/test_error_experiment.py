"""The topic `error` of the lab `recurrence` against the engine alone and the recipe that it follows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.core.recurrent_networks import build_recurrent
from bnviz.core.replica_data import digits_data
from bnviz.core.training import TrainingPlan, train
from bnviz.labs.recurrence.error.comparisons import comparisons
from bnviz.labs.recurrence.error.experiment import run
from bnviz.labs.recurrence.error.lesson import TOPIC
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.error.settings import Settings
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.shared.parameters import VARIANTS
from bnviz.study import shipped
from bnviz.study.verdict import NOISY, SHOWS, judge
from tests.agreement import assert_same_beginning, assert_same_outcome

SMALL: dict[str, Any] = {"cell": "rnn", "width": 8, "epochs": 2, "seeds": 3}
NONE, PER_STEP, SHARED, INPUT_ONLY, LAYER = range(5)


def made(**changes: Any) -> Result:
    return run(Settings(**changes))


@pytest.fixture(scope="module")
def small() -> Result:
    return made(**SMALL)


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_errors_are_what_the_engine_gives_alone(small: Result) -> None:
    data = digits_data((0, 1, 2))
    for index, variant in enumerate(VARIANTS):
        network = build_recurrent(plan_of(small.settings, variant), data.seeds)
        plan = TrainingPlan(42, 64, tuple(int(step) for step in small.steps), learning_rate=0.02, optimizer="adam")
        alone = train(network, data, plan)
        np.testing.assert_array_equal(small.accuracy[index], alone.accuracy)
        np.testing.assert_allclose(small.errors[index].mean, 1 - alone.accuracy.mean(0))


def test_differences_are_paired_and_judged(small: Result) -> None:
    for (first, second), values, finding in zip(small.pairs, small.differences, small.findings, strict=True):
        final = dict(zip(small.variants, small.accuracy[:, :, -1], strict=True))
        np.testing.assert_array_equal(values, final[second] - final[first])
        assert finding == judge(values, 0.01)


def test_shared_and_per_step_are_one_network_with_other_statistics(small: Result) -> None:
    np.testing.assert_array_equal(small.batch_error[PER_STEP], small.batch_error[SHARED])
    assert not np.array_equal(small.accuracy[PER_STEP], small.accuracy[SHARED])
    np.testing.assert_array_equal(small.batch_error[NONE], 1 - small.accuracy[NONE, :, -1])
    np.testing.assert_array_equal(small.updates, [0, 42, 42 * 8, 42, 0])
    np.testing.assert_allclose(small.left_over, 0.9 ** small.steps.astype(float), rtol=1e-4)
    assert all(row.explained for row in comparisons(small))


def test_partial_results_grow_and_end_in_the_whole(monkeypatch: pytest.MonkeyPatch, small: Result) -> None:
    monkeypatch.setattr("bnviz.study.updates.Updates.__init__.__defaults__", (0.0,), raising=False)
    parts: list[Any] = []
    run(Settings(**SMALL), parts.append)
    shares = [part.progress for part in parts]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5
    for part in parts:
        np.testing.assert_array_equal(part.accuracy, small.accuracy[:, :, : len(part.steps)])
        assert part.batch_error_step in part.steps
        assert part.batch_error.shape == (5, 3)


def test_the_same_settings_give_the_same_numbers_and_gamma_others(small: Result) -> None:
    brief = SMALL | {"epochs": 1, "seeds": 1}
    first, again, other = made(**brief), made(**brief), made(**brief, gamma=0.1)
    np.testing.assert_array_equal(first.accuracy, again.accuracy)
    np.testing.assert_array_equal(first.loss[NONE], other.loss[NONE])
    for variant in (PER_STEP, SHARED, INPUT_ONLY, LAYER):
        assert not np.array_equal(first.loss[variant], other.loss[variant])
    assert {finding.verdict for finding in first.findings} == {NOISY}


def test_what_diverges_is_counted_and_leaves_the_others_alone() -> None:
    """Adam cannot push a tanh cell to infinity; weights of 1e10 and more make its logits overflow in float32."""
    result = made(**(SMALL | {"learning_rate": 10.0, "seeds": 1, "epochs": 1}))
    assert result.diverged_at.shape == (5, 1)
    assert np.isfinite(result.accuracy[result.diverged_at[:, 0] < 0]).all()


def test_the_shipped_result_is_of_the_defaults_and_of_this_code(default: Result) -> None:
    """The first two of the eight seeds and of the ten epochs, run now: a longer run begins as a shorter one."""
    assert default.settings == TOPIC.opening
    assert default.progress == 1
    few: Any = run(default.settings.replace(seeds=2, epochs=2))
    common, here, there = np.intersect1d(few.steps, default.steps, return_indices=True)
    assert common.tolist() == [0, 10, 20, 30, 40]
    now, kept = few.accuracy[:, :, here], default.accuracy[:, :, there]
    assert_same_beginning(now, kept, points=3)
    assert_same_outcome(now[:, :, -1], kept[:, :, -1])
    np.testing.assert_allclose(few.loss[:, :, here[:3]], default.loss[:, :2, there[:3]], rtol=1e-3)


def test_the_recipe_comes_out(default: Result) -> None:
    """Recipe (f): plain 4.1 ± 0.7, per step 3.6 ± 1.5, shared 1.8 more, input only 2.6 ± 0.9, layer norm 5.8 ± 2.1 (standard
    errors over eight seeds up to 0.7), and what the page says of it."""
    means = [100 * error.mean[-1] for error in default.errors]
    np.testing.assert_allclose(means, (4.1, 3.6, 5.4, 2.6, 5.8), atol=1.2)
    assert [finding.verdict for finding in default.findings] == [SHOWS, NOISY, NOISY, NOISY]
    assert default.findings[0].high < 0
    assert -0.028 < default.findings[0].mean < -0.01
