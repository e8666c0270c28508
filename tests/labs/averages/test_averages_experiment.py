"""The lab `averages` against PyTorch's own averaged models, the closed form, and what the page claims."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.replica_networks import plain_network
from bnviz.errors import BatchOfOneError, CostError
from bnviz.labs.averages.experiment import estimated_seconds, network_plan, run
from bnviz.labs.averages.lesson import TOPIC
from bnviz.labs.averages.result import VARIANTS, Result
from bnviz.labs.averages.settings import Settings
from bnviz.study import shipped
from bnviz.study.verdict import SHOWS, SHOWS_NOT, judge
from tests.agreement import assert_same_outcome

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "epochs": 2, "seeds": 3, "decay": 0.9}
RAW, ONLY, AVERAGED, COPIED, REFILLED = range(5)


@pytest.fixture(scope="module")
def small() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_shapes_are_as_declared(small: Result) -> None:
    assert small.variants == VARIANTS
    assert small.error.shape == (5, 3)
    assert small.error_by_point.shape == (5, 3, 3)
    assert small.over.mean.shape == (5, 3)
    assert small.steps.tolist() == [0, 21, 42]
    assert small.total_steps == 42
    assert small.averaged == 42
    assert small.differences.shape == (4, 3)
    assert small.by_count.shape == (7, 3)
    assert small.mean_variance.shape == small.averaged_variance.shape == small.spread.shape == (16,)
    assert small.held_variance.shape == (5, 16)
    assert small.progress == 1
    assert np.isnan(small.error_by_point[1:, :, 0]).all()
    assert np.isfinite(small.error_by_point[:, :, 1:]).all()
    np.testing.assert_array_equal(small.error, small.error_by_point[:, :, -1])


@pytest.mark.parametrize("changes", [{}, {"average": "swa", "epochs": 3, "start": 0.5}, {"start": 0.5}])
def test_every_variant_is_what_pytorchs_own_averaged_models_give_one_network(changes: dict[str, Any]) -> None:
    """Float32 rounds differently in a stack: one test image in each of the three seeds may change sides."""
    settings = Settings(**{**SMALL, **changes})
    result = run(settings)
    data = digits_data((0, 1, 2))
    steps = settings.epochs * 21
    orders = batch_indices(data, 64, steps)
    fresh = batch_indices(data, 64, settings.refill_batches, purpose="recalibration")
    for place, seed in enumerate(data.seeds):
        network = plain_network(network_plan(settings), seed)
        start = copy.deepcopy(network)
        rule = get_ema_multi_avg_fn(settings.decay) if settings.average == "ema" else None
        copied = AveragedModel(network, multi_avg_fn=rule)
        averaged = AveragedModel(network, multi_avg_fn=rule, use_buffers=True)
        optimizer = torch.optim.SGD(network.parameters(), lr=settings.learning_rate)
        for step, batch in enumerate(orders[:, place], start=1):
            optimizer.zero_grad()
            functional.cross_entropy(network(data.features[batch]), data.labels[batch]).backward()
            optimizer.step()
            if step > settings.start * steps and (settings.average == "ema" or step % 21 == 0):
                copied.update_parameters(network)
                averaged.update_parameters(network)
        with torch.no_grad():
            for mine, theirs in zip(start.parameters(), copied.parameters(), strict=True):
                mine.copy_(theirs)
        refilled = copy.deepcopy(copied)
        update_bn([data.features[batch] for batch in fresh[:, place]], refilled)
        for index, model in enumerate((network, start, averaged, copied, refilled)):
            with torch.no_grad():
                guesses = model.eval()(data.features[data.test[place]]).argmax(1)
            error = 100 * (guesses != data.labels[data.test[place]]).double().mean().item()
            assert result.error[index, place] == pytest.approx(error, abs=100 * 1.001 / 450), VARIANTS[index]


@pytest.mark.parametrize("changes", [{}, {"average": "swa", "epochs": 4}, {"decay": 0.999}, {"start": 0.5}])
def test_the_variance_behind_the_average_is_the_closed_form(changes: dict[str, Any]) -> None:
    result = run(Settings(**{**SMALL, **changes, "learning_rate": 1.0}))
    np.testing.assert_allclose(result.averaged_variance, result.mean_variance - result.spread, rtol=1e-5)
    assert (result.spread > 1e-4 * result.mean_variance).all(), "there is something to predict"


def test_what_the_buffers_hold(small: Result) -> None:
    np.testing.assert_array_equal(small.held_variance[ONLY], 1)
    np.testing.assert_array_equal(small.held_variance[COPIED], small.held_variance[RAW])
    np.testing.assert_allclose(small.held_variance[REFILLED], small.averaged_variance, rtol=0.05)


def test_refilling_with_the_chosen_number_is_what_the_third_picture_shows() -> None:
    result = run(Settings(**SMALL, refill_batches=4))
    np.testing.assert_allclose(result.by_count[2], result.error[REFILLED], atol=1e-9)


def test_findings_are_the_paired_differences_to_the_model_itself(small: Result) -> None:
    for row, finding in zip(small.differences, small.findings, strict=True):
        assert finding == judge(row, 0.01)
    np.testing.assert_allclose(100 * small.differences, small.error[1:] - small.error[0], atol=1e-9)


def test_the_same_settings_give_the_same_numbers_and_another_seed_others(small: Result) -> None:
    np.testing.assert_array_equal(small.error_by_point, run(small.settings).error_by_point)
    assert not np.array_equal(small.error, run(small.settings.replace(seed=5)).error)


def test_the_opening_shows_what_the_page_claims(default: Result) -> None:
    assert default.settings == Settings()
    assert default.progress == 1
    assert [finding.verdict for finding in default.findings] == [SHOWS, SHOWS_NOT, SHOWS_NOT, SHOWS_NOT]
    assert default.findings[0].low > 0.3
    assert 1 <= default.enough <= 8
    np.testing.assert_allclose(default.averaged_variance, default.mean_variance - default.spread, rtol=1e-5)
    few = run(Settings(seeds=3))
    assert_same_outcome(few.error / 100, default.error / 100)


@pytest.mark.parametrize("seed", [100, 200, 300, 400, 500])
def test_the_claims_hold_at_other_seeds(seed: int) -> None:
    result = run(Settings(seed=seed, seeds=3))
    raw, only, averaged, copied, refilled = result.over.mean[:, -1]
    assert only > raw + 30
    for cured in (averaged, copied, refilled):
        assert abs(cured - raw) < 1.5
    np.testing.assert_allclose(result.averaged_variance, result.mean_variance - result.spread, rtol=1e-5)


def test_divergence_is_told_and_not_averaged_over() -> None:
    result = run(Settings(**{**SMALL, "learning_rate": 10.0, "epochs": 1}))
    gone = result.diverged_at >= 0
    assert np.isnan(result.error[:, gone]).all()
    assert np.isfinite(result.error[:, ~gone]).all()


def test_partial_results_grow_and_end_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.study.updates.Updates.__init__.__defaults__", (0.0,), raising=False)
    parts: list[Result] = []
    whole = run(Settings(**SMALL), parts.append)
    shares = [part.progress for part in parts]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    for part in parts:
        np.testing.assert_array_equal(part.error_by_point, whole.error_by_point[:, :, : len(part.steps)])
        assert np.isnan(part.spread).all()


def test_an_order_to_stop_is_heeded_in_mid_run() -> None:
    class EnoughError(Exception):
        pass

    def stop(_: Result) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        run(Settings(**SMALL), stop)


def test_what_cannot_be_run_is_refused_before_any_work() -> None:
    for refuse in (estimated_seconds, run):
        with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
            refuse(Settings(batch_size=1, epochs=1))
    with pytest.raises(CostError) as caught:
        estimated_seconds(Settings(depth=50, width=512, seeds=20, epochs=100))
    assert "seeds" in caught.value.reduce


@pytest.mark.parametrize(
    "changes", [{"seeds": 1}, {"batch_size": 2}, {"batch_size": 1024}, {"decay": 0.0}, {"start": 0.9}]
)
def test_edges_run(changes: dict[str, Any]) -> None:
    result = run(Settings(**{**SMALL, "epochs": 1, **changes}))
    assert np.isfinite(result.error).all()


def test_a_result_goes_through_a_file(small: Result, tmp_path: Path) -> None:
    shipped.save(small, tmp_path / "x.npz")
    back = shipped.load(Result, tmp_path / "x.npz")
    assert back.settings == small.settings
    assert back.findings == small.findings
    np.testing.assert_array_equal(back.error_by_point, small.error_by_point)
