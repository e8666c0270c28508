"""The lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from bnviz.core.datasets import digits
from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas
from bnviz.core.training import TrainingPlan, train
from bnviz.errors import BatchOfOneError, CostError, SettingError
from bnviz.labs.modes.freeze_matrix.experiment import QUANTITIES, WAYS, Way
from bnviz.labs.modes.momentum_error import experiment as modes_momentum_error
from bnviz.labs.modes.poison.experiment import batch_weight
from bnviz.labs.modes.shared import dispatch as modes
from bnviz.labs.modes.shared.dispatch import Settings
from bnviz.labs.modes.shared.network import network_plan
from bnviz.labs.modes.update_count.experiment import corrected_momentum
from bnviz.study.verdict import SHOWS, judge

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12, "seeds": 3}


def arrays(result: Any) -> dict[str, np.ndarray]:
    return {
        field.name: value
        for field in dataclasses.fields(result)
        if isinstance(value := getattr(result, field.name), np.ndarray)
    }


@pytest.mark.parametrize("topic", modes.TOPICS)
def test_every_topic_runs_is_chosen_by_the_settings_and_gives_the_same_numbers_again(topic: Any) -> None:
    settings = Settings(**SMALL, topic=topic)
    once, again = modes.run(settings), getattr(modes, topic)(settings)
    assert type(once) is type(again)
    assert once.settings == settings
    for name, values in arrays(once).items():
        np.testing.assert_array_equal(values, getattr(again, name), err_msg=name)
    other = modes.run(settings.replace(seed=7))
    assert any(
        not np.array_equal(values, getattr(other, name), equal_nan=True) for name, values in arrays(once).items()
    )


@pytest.mark.parametrize("topic", modes.TOPICS)
def test_bad_input_is_refused_before_any_work(topic: Any) -> None:
    with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
        modes.run(Settings(topic=topic, batch_size=1))
    with pytest.raises(CostError) as caught:
        modes.run(Settings(topic=topic, batch_size=1024, width=512, depth=50, steps=1000))
    assert "depth" in caught.value.reduce


@pytest.mark.parametrize("topic", modes.TOPICS)
def test_nothing_is_left_in_what_sessions_share(topic: Any) -> None:
    state = torch.random.get_rng_state()
    before = digits()[0].clone()
    modes.run(Settings(**SMALL, topic=topic, poison_at=3))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(digits()[0], before)


# gap


@pytest.fixture(scope="module")
def gap() -> modes.GapResult:
    return modes.gap(Settings())


def test_what_a_layer_adds_follows_from_its_four_statistics(gap: modes.GapResult) -> None:
    np.testing.assert_allclose(gap.own, gap.own_theory, rtol=1e-5)
    np.testing.assert_allclose(gap.own[:, 0], gap.gap[:, 0], rtol=1e-5)  # nothing has come from below
    assert (gap.gap[-1, 1:3] > gap.own[-1, 1:3]).all()


def test_recalibrated_the_first_layer_is_off_by_the_noise_of_the_batch(gap: modes.GapResult) -> None:
    assert gap.floor == pytest.approx(math.sqrt(1.5 / 32), rel=0.02)
    expected = math.sqrt(gap.floor**2 + 1.5 / (32 * 16))
    assert gap.recalibrated[-1, 0] == pytest.approx(expected, abs=4 * gap.floor_error)


def test_the_gap_closes_as_the_start_is_forgotten(gap: modes.GapResult) -> None:
    assert gap.steps[0] == 0
    assert gap.left_over[0] == 1
    assert gap.left_over[-1] == pytest.approx(0.9**100)
    assert gap.gap[0, 0] > 0.8
    assert gap.gap[-1, -1] == pytest.approx(gap.recalibrated[-1, -1], rel=0.1)


def test_the_momentum_changes_eval_mode_and_nothing_else() -> None:
    fast, slow = (modes.gap(Settings(**SMALL, momentum=momentum)) for momentum in (0.5, 0.01))
    np.testing.assert_array_equal(fast.error_train, slow.error_train)
    np.testing.assert_array_equal(fast.recalibrated, slow.recalibrated)
    assert slow.gap[-1, 0] > 1.5 * fast.gap[-1, 0]


def test_one_value_passes_the_layer_as_written(gap: modes.GapResult) -> None:
    one = gap.sample
    for mean, var, output in (
        (one.batch_mean, one.batch_var, one.in_train),
        (one.running_mean, one.running_var, one.in_eval),
    ):
        assert one.gamma * (one.value - mean) / math.sqrt(var + one.eps) + one.beta == pytest.approx(output, abs=1e-5)


def test_divergence_is_no_number_and_no_crash() -> None:
    result = modes.gap(Settings(**SMALL | {"steps": 200, "depth": 1}, learning_rate=10.0))
    assert result.gap.shape[1] == 2


# momentum_error


@pytest.fixture(scope="module")
def error() -> modes.MomentumErrorResult:
    return modes.momentum_error(Settings(momentum=0.01, batch_size=16, steps=84))


@pytest.mark.parametrize("momentum", [0.01, "cumulative"])
def test_listening_modules_give_what_a_training_of_that_momentum_gives(momentum: Any) -> None:
    settings = Settings(**SMALL, momentum=momentum)
    result = modes.momentum_error(settings.replace(momentum=0.3))
    data = digits_data((0, 1, 2))
    alone = train(build_replicas(network_plan(settings), data.seeds), data, TrainingPlan(12, 16, (12,)))
    np.testing.assert_array_equal(result.error[result.momentums.index(momentum)], 1 - alone.accuracy[:, -1])


def test_what_was_trained_serves_other_momentums_and_recalibrations_unchanged() -> None:
    settings = Settings(**SMALL, momentum=0.3, passes=2)
    modes_momentum_error._trained.cache_clear()
    first = modes.momentum_error(settings)
    for change in ({"momentum": 0.01}, {"passes": 5}, {"momentum": "cumulative"}):
        modes.momentum_error(settings.replace(**change))
    assert modes_momentum_error._trained.cache_info().misses == 1
    np.testing.assert_array_equal(modes.momentum_error(settings).error, first.error)
    for other in ({"momentum": 0.02}, {"seed": 5}, {"learning_rate": 0.2}):
        modes.momentum_error(settings.replace(**other))
    assert modes_momentum_error._trained.cache_info().misses == 4


def test_the_recipe_comes_out(error: modes.MomentumErrorResult) -> None:
    """Recipe (h), six seeds: 37.0, 11.2, 6.1, 8.8 %, exact 6.3. Tolerances: four standard errors of six and ten seeds."""
    mean = dict(zip(error.momentums, 100 * error.over.mean, strict=True))
    assert mean[0.001] == pytest.approx(37.0, abs=27)
    assert mean[0.01] == pytest.approx(11.2, abs=5)
    assert mean[0.1] == pytest.approx(6.1, abs=3.4)
    assert mean[1.0] == pytest.approx(8.8, abs=5.7)
    assert 100 * error.recalibrated_over.mean == pytest.approx(6.3, abs=3.4)
    assert [finding.verdict for finding in error.findings] == [SHOWS] * 3


def test_the_initial_weight_is_what_the_module_keeps(error: modes.MomentumErrorResult) -> None:
    np.testing.assert_allclose(error.left_over_measured, error.left_over, rtol=2e-5, atol=1e-7)
    assert error.momentums[-1] == "cumulative"
    assert error.left_over[-1] == 0


def test_differences_are_error_minus_recalibrated_error(error: modes.MomentumErrorResult) -> None:
    assert error.pairs == (0.01, 0.001, 1.0)
    for momentum, row, finding in zip(error.pairs, error.differences, error.findings, strict=True):
        np.testing.assert_array_equal(row, error.error[error.momentums.index(momentum)] - error.recalibrated)
        assert finding == judge(row, 0.01)
    np.testing.assert_array_equal(error.by_count[error.counts.tolist().index(16)], error.recalibrated)


# freeze_matrix


@pytest.fixture(scope="module")
def frozen() -> modes.FreezeResult:
    return modes.freeze_matrix(Settings(**SMALL))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_moves_is_what_the_switches_say(frozen: modes.FreezeResult, way: Way) -> None:
    moved = dict(zip(QUANTITIES, frozen.moved[frozen.ways.index(way)], strict=True))
    learns = way.requires_grad
    counts = (
        way.track_running_stats and way.afterwards != "untracked" and (not way.eval_mode or way.afterwards == "train")
    )
    assert [bool(moved[name]) for name in ("weights", "gamma", "beta")] == [learns] * 3
    assert [bool(moved[name]) for name in ("running_mean", "running_var", "num_batches_tracked")] == [counts] * 3
    assert bool(moved["features"]) == (learns or counts)
    if way.track_running_stats:
        assert frozen.cell(way, "num_batches_tracked") == (12 if counts else 0)
    else:
        assert math.isnan(frozen.cell(way, "running_mean"))


def test_norms_only_leaves_the_weights_free() -> None:
    result = modes.freeze_matrix(Settings(**SMALL, frozen="norms"))
    both = Way(requires_grad=False, eval_mode=True, track_running_stats=True)
    assert result.cell(both, "weights") > 0
    assert result.cell(both, "gamma") == result.cell(both, "running_mean") == 0


@pytest.mark.parametrize("momentum", [0.1, 0.01, "cumulative"])
def test_frozen_statistics_go_the_way_of_the_formula(momentum: Any) -> None:
    result = modes.freeze_matrix(Settings(**SMALL | {"steps": 20}, momentum=momentum))
    assert result.drift[0] == result.drift_theory[0] == 0
    assert (np.abs(result.drift - result.drift_theory)[1:] <= 4 * result.drift_error[1:]).all()
    if momentum != "cumulative":
        assert result.drift_theory[-1] == pytest.approx(1 - (1 - momentum) ** 20)


def test_a_frozen_body_keeps_its_old_answers_only_with_eval(frozen: modes.FreezeResult) -> None:
    kept = frozen.error_old[frozen.ways.index(Way(requires_grad=False, eval_mode=True, track_running_stats=True))]
    assert kept == frozen.error_before
    assert frozen.error_old[0] > frozen.error_before  # nothing frozen


# update_count


@pytest.mark.parametrize(("momentum", "accumulation"), [(0.1, 4), (0.3, 1), (0.02, 7), (1.0, 3)])
def test_every_forward_pass_is_an_update(momentum: float, accumulation: int) -> None:
    settings = Settings(**SMALL | {"steps": 3, "batch_size": 8}, momentum=momentum, accumulation=accumulation)
    result = modes.update_count(settings)
    counts = np.array([1, accumulation, 2, 2, 2, 2])
    np.testing.assert_array_equal(result.updates, counts)
    np.testing.assert_array_equal(result.updates_last, counts)
    np.testing.assert_allclose(result.momentum, 1 - (1 - momentum) ** counts, rtol=1e-5)
    np.testing.assert_allclose(result.old_weight, result.old_weight_theory, atol=1e-6)
    assert result.corrected_momentum == pytest.approx(momentum, rel=1e-4)
    assert result.running_mean == pytest.approx(momentum * result.batch_mean, rel=1e-4)


def test_a_tiny_momentum_is_corrected_too_or_not_at_all() -> None:
    assert corrected_momentum(1e-17, 4) == pytest.approx(2.5e-18)
    assert corrected_momentum(5e-324, 4) is None
    assert modes.update_count(Settings(**SMALL | {"steps": 1}, momentum=5e-324)).updates[1] == 4


def test_the_plain_average_has_no_momentum_to_correct() -> None:
    result = modes.update_count(Settings(**SMALL | {"steps": 2}, momentum="cumulative"))
    np.testing.assert_array_equal(result.old_weight[:, 1:], 0)
    assert math.isnan(result.corrected)


# influence


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_only_batch_norm_in_train_mode_looks_at_others(mode: Any) -> None:
    result = modes.influence(Settings(**SMALL | {"batch_size": 5}, mode=mode, sample=2))
    off = ~np.eye(5, dtype=bool)
    others = np.arange(5) != 1
    for place, name in enumerate(result.normalizers):
        seen = name == "batch" and mode == "train"
        assert bool((result.influence[place][off] != 0).all()) == seen
        assert bool(result.influence[place][off].any()) == seen
        assert (
            bool(result.output_change[place][others].any()) == bool(result.gradient_change[place][others].any()) == seen
        )
        assert result.output_change[place, 1] > 0
        assert result.others_that_move[place] == (4 if seen else 0)
    np.testing.assert_allclose(result.jacobian, result.jacobian_theory, rtol=0, atol=1e-12)


def test_the_jacobian_is_that_of_finite_differences() -> None:
    """Double precision, central differences: good to 1e-6 of the largest entry."""
    result = modes.influence(Settings(**SMALL | {"batch_size": 4}))
    norm = torch.nn.BatchNorm1d(1, eps=result.eps).double()
    with torch.no_grad():
        norm.weight.fill_(result.gamma)
    step, values = 1e-6, torch.from_numpy(result.values)
    for j in range(4):
        move = step * torch.eye(4, dtype=torch.float64)[j]
        slope = (norm((values + move)[:, None]) - norm((values - move)[:, None])) / (2 * step)
        np.testing.assert_allclose(
            slope[:, 0].detach(), result.jacobian[:, j], atol=1e-6 * np.abs(result.jacobian).max()
        )


def test_groups_must_divide_the_width_and_matter() -> None:
    with pytest.raises(SettingError, match="groups must be a divisor of the width, 16"):
        modes.influence(Settings(**SMALL, groups=32))
    two, eight = (modes.influence(Settings(**SMALL | {"batch_size": 4}, groups=groups)).influence for groups in (2, 8))
    assert not np.array_equal(two[2], eight[2])
    np.testing.assert_array_equal(two[:2], eight[:2])


# poison


def poisoned(**changes: Any) -> modes.PoisonResult:
    return modes.poison(Settings(**SMALL | {"steps": 40, "batch_size": 32, "poison_at": 25} | changes))


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
