"""The topic `race` of the lab `training` against plain PyTorch and the recipe that it follows."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from bnviz.core.replica_data import batch_indices
from bnviz.core.replica_networks import build_replicas, plain_network
from bnviz.errors import SettingError
from bnviz.labs.training.race.experiment import run
from bnviz.labs.training.race.experiment.training import record_points, relative_speeds
from bnviz.labs.training.race.experiment.unit import drift, first_reaching, unit_moments
from bnviz.labs.training.race.lesson import TOPIC
from bnviz.labs.training.race.result import Result
from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.networks import network_plan, training_data
from bnviz.study import shipped
from bnviz.study.verdict import SHOWS, judge
from tests.agreement import assert_same_beginning, assert_same_outcome

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "epochs": 2, "seeds": 3, "activation": "relu", "init": "he"}
NONE, BATCH = 0, 1


@pytest.fixture(scope="module")
def small() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def wild() -> Result:
    """Linear layers without a normalizer diverge at this rate; batch norm stands it."""
    changes = SMALL | {"activation": "identity", "learning_rate": 2.0, "normalizers": ("none", "batch")}
    return run(Settings(**changes))


def test_shapes_are_as_declared(small: Result) -> None:
    points = len(small.steps)
    assert small.variants == ("none", "batch", "layer", "group")
    assert small.accuracy.shape == small.loss.shape == small.scale.shape == small.shift.shape == (4, 3, points)
    assert small.percentiles.shape == (4, 3, points, 3)
    assert small.drift.shape == small.steps_to_goal.shape == small.diverged_at.shape == (4, 3)
    assert small.error.mean.shape == small.error.deviation.shape == (4, points)
    assert small.differences.shape == small.drift_differences.shape == small.speed_factors.shape == (3, 3)
    assert len(small.findings) == len(small.drift_findings) == len(small.speed_findings) == 3
    assert (small.steps[0], small.steps[-1], small.total_steps) == (0, 44, 44)
    assert small.epochs[-1] == pytest.approx(2)
    assert small.progress == 1


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_plain_loop_gives_the_same_numbers(optimizer: Any) -> None:
    """One seed, one network at a time, `torch.optim`. Group norm over 4 units doubles float32's rounding at every step."""
    rate = 0.01 if optimizer == "adam" else 0.1
    # tanh, because ReLU lets rounding grow in units that are almost never on.
    changes = {
        "epochs": 1,
        "optimizer": optimizer,
        "learning_rate": rate,
        "unit": 5,
        "seed": 4,
        "seeds": 2,
        "activation": "tanh",
    }
    settings = Settings(**SMALL | changes)
    result = run(settings)
    data = training_data(settings, (5,))
    features, labels = data.features, data.labels
    for index, name in enumerate(settings.normalizers):
        network = plain_network(network_plan(settings, data, name), 5)
        made = {
            "sgd": torch.optim.SGD(network.parameters(), lr=rate),
            "momentum": torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9),
            "adam": torch.optim.Adam(network.parameters(), lr=rate),
        }[optimizer]
        steps = 6 if name == "group" else 22
        at = result.steps.tolist().index(steps)
        for batch in batch_indices(data, 60, 22)[:steps, 0]:
            loss = nn.functional.cross_entropy(network.train()(features[batch]), labels[batch])
            made.zero_grad()
            loss.backward()
            made.step()
        network.eval()
        with torch.no_grad():
            received, test = features[data.test[0]], labels[data.test[0]]
            right = (network(received).argmax(1) == test).double().mean().item()
            expected = nn.functional.cross_entropy(network(received), test).item()
            entering = network[:-2](received)[:, 5].double().numpy()
        assert result.accuracy[index, 1, at] == pytest.approx(right, abs=1.01 / 450)
        assert result.loss[index, 1, at] == pytest.approx(expected, rel=1e-3)
        np.testing.assert_allclose(result.percentiles[index, 1, at], np.percentile(entering, (15, 50, 85)), atol=2e-3)
        if name == "batch":
            norm = next(module for module in reversed(network) if isinstance(module, nn.BatchNorm1d))
            assert result.scale[index, 1, -1] == pytest.approx(norm.weight[5].item(), abs=1e-4)
            assert result.shift[index, 1, -1] == pytest.approx(norm.bias[5].item(), abs=1e-4)
        else:
            assert np.isnan(result.scale[index]).all()


def test_the_same_settings_give_the_same_numbers_and_every_setting_others(small: Result) -> None:
    np.testing.assert_array_equal(small.accuracy, run(small.settings).accuracy)
    for change in (
        {"seed": 5},
        {"optimizer": "momentum"},
        {"init": "torch"},
        {"activation": "tanh"},
        {"batch_size": 32},
        {"learning_rate": 0.2},
        {"width": 24},
        {"depth": 1},
        {"source": "moons"},
    ):
        few = {"epochs": 1, "seeds": 1, "normalizers": ("batch",)}
        assert run(Settings(**SMALL | few | change)).loss[0, 0, -1] != run(Settings(**SMALL | few)).loss[0, 0, -1]


def test_variants_stand_in_the_order_of_the_settings() -> None:
    forward = run(Settings(**SMALL | {"epochs": 1, "normalizers": ("batch", "none")}))
    assert forward.variants == ("batch", "none")
    assert forward.pairs == (("batch", "none"),)
    np.testing.assert_array_equal(forward.differences[0], forward.accuracy[1, :, -1] - forward.accuracy[0, :, -1])


def test_findings_are_paired_t_intervals(small: Result) -> None:
    final = small.accuracy[:, :, -1]
    for number in range(3):
        paired = stats.ttest_rel(final[number + 1], final[0])
        interval = paired.confidence_interval(0.95)
        finding = small.findings[number]
        np.testing.assert_allclose((finding.low, finding.high), (interval.low, interval.high), rtol=1e-9)
        assert finding == judge(small.differences[number], 0.01)
        assert small.drift_findings[number] == judge(small.drift[number + 1] - small.drift[0], 0.1)


def test_drift_is_the_range_of_the_median_over_the_last_width() -> None:
    steps = np.array([0, 20, 60, 80])
    course = np.array([[-1, 9, 1], [-1, 0.5, 1], [-1, -0.25, 1], [-2, 0.0, 2]], dtype=float)
    assert drift(course, steps, 20) == pytest.approx(0.75 / 4)
    assert drift(course, steps, 500) == 0
    assert math.isnan(drift(np.zeros((4, 3)), steps, 0))
    course[-1] = np.nan
    assert math.isnan(drift(course, steps, 20))


def test_the_goal_is_reached_at_the_first_point_that_is_good_enough() -> None:
    accuracy = np.array([[0.1, 0.95, 0.85, 0.99], [0.1, 0.2, 0.3, 0.4], [np.nan] * 4])
    np.testing.assert_array_equal(first_reaching(accuracy, np.array([0, 5, 10, 15]), 0.9), [5, np.nan, np.nan])


def test_who_never_arrives_counts_with_the_length_of_the_run_and_nobody_arriving_with_nothing() -> None:
    accuracy = np.broadcast_to([0.1, 0.95], (2, 3, 2)).copy()
    accuracy[0, :, -1] = (0.95, 0.5, 0.5)
    accuracy[1, 2, -1] = 0.5
    to_goal = np.array([[100, np.nan, np.nan], [10, 20, np.nan]])
    factors = relative_speeds(accuracy, to_goal, 200)
    np.testing.assert_allclose(factors, [[1, 1, np.nan]])
    accuracy[0, 0, -1] = np.nan
    assert np.isnan(relative_speeds(accuracy, to_goal, 200)[0, 0])


@pytest.mark.parametrize("variant", ["none", "batch", "layer"])
def test_moments_of_the_unit_are_those_of_plain_networks_and_leave_no_trace(variant: Any) -> None:
    settings = Settings(**SMALL)
    data = training_data(settings, (3, 8))
    network = build_replicas(network_plan(settings, data, variant), data.seeds).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = batch_indices(data, 60, 1)[0]
    seen = unit_moments(network, data, batch, 7)
    for place, seed in enumerate(data.seeds):
        alone = plain_network(network_plan(settings, data, variant), seed).train()
        with torch.no_grad():
            values = alone[:-2](data.features[batch[place]]).double().numpy()
        assert seen.mean[place] == pytest.approx(values[:, 7].mean(), abs=1e-6)
        assert seen.deviation[place] == pytest.approx(values[:, 7].std(), rel=1e-5)
        assert seen.mean_square[place] == pytest.approx((values**2).mean(), rel=1e-5)
    if variant == "batch":
        np.testing.assert_allclose(seen.mean, seen.expected_mean, atol=1e-6)
        np.testing.assert_allclose(seen.deviation, seen.expected_deviation, rtol=1e-5)
    else:
        assert np.isnan(seen.expected_mean).all()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    assert not [hook for module in network.modules() for hook in module._forward_pre_hooks]


def test_points_are_dense_at_the_beginning_and_end_at_the_end() -> None:
    for steps in (1, 5, 44, 1320):
        points = record_points(steps)
        assert (points[0], points[-1]) == (0, steps)
        assert len(points) <= 65
        assert list(points) == sorted(set(points))
    assert np.diff(record_points(1320))[0] < np.diff(record_points(1320))[-1]


def test_divergence_is_dated_and_leaves_the_others_alone(wild: Result) -> None:
    """2 is far over 2/curvature for linear networks without a normalizer: the weights grow until float32 ends."""
    assert (wild.diverged_at[NONE] > 0).all()
    assert (wild.diverged_at[BATCH] == -1).all()
    for seed in range(3):
        gone = wild.steps >= wild.diverged_at[NONE, seed]
        assert np.isnan(wild.accuracy[NONE, seed, gone]).all()
        assert np.isfinite(wild.accuracy[NONE, seed, ~gone]).all()
    assert np.isfinite(wild.accuracy[BATCH]).all()
    assert wild.findings[0].lost == 3
    assert np.isnan(wild.drift_mean[NONE])


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_the_shipped_result_is_of_the_defaults_and_of_this_code(default: Result) -> None:
    """Two of six seeds and two of four variants, run now."""
    assert default.settings == Settings()
    few = run(Settings(seeds=2, normalizers=("none", "batch")))  # the longest test of the lab
    np.testing.assert_array_equal(few.steps, default.steps)
    assert_same_beginning(few.accuracy, default.accuracy[:2], points=6)
    np.testing.assert_allclose(few.percentiles[:, :, :6], default.percentiles[:2, :2, :6], rtol=0, atol=1e-3)
    assert_same_outcome(few.accuracy[:, :, -1], default.accuracy[:2, :, -1])
    assert_same_outcome(few.drift, default.drift[:2])


def test_the_defaults_are_the_papers_figure_1_as_the_recipe_found_it(default: Result) -> None:
    """Recipe (a), over 1500 steps: 90 % after 25–50 steps with batch norm, after 1075–1225 without; drift 0.21 and 0.55."""
    assert default.steps_to_goal[BATCH].max() < 60
    assert np.nanmin(default.steps_to_goal[NONE]) > 900
    assert default.drift_mean[BATCH] == pytest.approx(0.21, abs=0.04)
    assert default.drift_mean[NONE] == pytest.approx(0.55, abs=0.15)
    assert [
        finding.verdict for finding in (default.findings[0], default.drift_findings[0], default.speed_findings[0])
    ] == [SHOWS] * 3
    assert default.drift_findings[0].mean < 0
    # What the page says of layer and group norm: several times faster, and no smaller drift.
    assert all(finding.verdict == SHOWS and finding.mean > math.log10(3) for finding in default.speed_findings)
    assert all(finding.mean > 0 for finding in default.drift_findings[1:])


def test_a_result_goes_through_a_file(small: Result, tmp_path: Path) -> None:
    shipped.save(small, tmp_path / "x.npz")
    back = shipped.load(Result, tmp_path / "x.npz")
    assert back.settings == small.settings
    assert back.findings == small.findings
    for field in dataclasses.fields(Result):
        if isinstance(getattr(small, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(small, field.name))


def test_the_unit_exists() -> None:
    with pytest.raises(SettingError, match="unit must be a whole number from 0 to 15"):
        Settings(width=16, unit=16)
