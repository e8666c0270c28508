"""The lab `batch_size` against plain PyTorch and the engine, the recipe that it follows, and what PyTorch refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas, plain_network
from bnviz.core.training import TrainingPlan, train
from bnviz.errors import CostError, SettingError
from bnviz.labs.batch_size.error.experiment import estimated_seconds, run
from bnviz.labs.batch_size.error.lesson import TOPIC
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.population import network_plan
from bnviz.study import shipped
from bnviz.study.verdict import NOISY, SHOWS, judge
from tests.agreement import assert_same_outcome

SMALL: dict[str, Any] = {"batch_sizes": (32, 8), "epochs": 2, "seeds": 3}
BATCH, LAYER, GROUP = range(3)


@pytest.fixture(scope="module")
def small() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def ones() -> Result:
    """Every normalizer, and a batch of one, in the MLP."""
    return run(
        Settings(normalizers=("none", "batch", "layer", "group", "instance"), batch_sizes=(1, 8), epochs=1, seeds=3)
    )


@pytest.fixture(scope="module")
def wild() -> Result:
    """A rate of 10 at batch 32: with layer norm the second seed's float32 ends within the first epoch."""
    rate: dict[str, Any] = {"learning_rate": 10.0, "learning_rate_rule": "fixed"}
    return run(Settings(normalizers=("batch", "layer"), batch_sizes=(32,), epochs=2, seeds=3, **rate))


@pytest.fixture(scope="module")
def default() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_shapes_are_as_declared(small: Result) -> None:
    assert small.normalizers == ("batch", "layer", "group")
    assert small.batch_sizes.tolist() == [32, 8]
    assert small.test_error.shape == small.diverged_at.shape == (3, 2, 3)
    assert small.errors.shape == (3, 2, 3, 2)
    assert small.epochs.tolist() == [1, 2]
    for values in (small.error_mean, small.error_deviation, small.error_low, small.error_high):
        assert values.shape == (3, 2)
    for part in (small.statistics, small.other_statistics):
        for values in (part.mean_noise, part.mean_noise_theory, part.fidelity, part.fidelity_theory):
            assert values.shape == (2,)
    assert small.recalibrated_error.shape == small.differences.shape == (2, 3)
    assert [match.batch_size for match in small.matches] == [32, 8]
    assert (small.test_error >= 0).all()
    assert (small.test_error <= 1).all()
    assert small.progress == 1
    assert small.training == 0
    assert small.statistics.network == "mlp"
    assert set(small.both_statistics()) == {"mlp", "cnn"}


@pytest.mark.parametrize("rule", ["linear", "fixed"])
def test_errors_are_what_the_engine_gives_alone(small: Result, rule: Any) -> None:
    result = small if rule == "linear" else run(Settings(**SMALL, learning_rate_rule=rule))
    data = digits_data((0, 1, 2), train_size=600)
    for row, normalizer in enumerate(result.normalizers):
        for place, (size, rate) in enumerate(((32, 0.15), (8, 0.3 * 8 / 64))):
            plan = TrainingPlan(
                2 * (600 // size), size, (600 // size, 2 * (600 // size)), 0.3 if rule == "fixed" else rate
            )
            alone = train(build_replicas(network_plan("mlp", normalizer, 8), (0, 1, 2)), data, plan)
            np.testing.assert_array_equal(result.errors[row, place], 1 - alone.accuracy)
    np.testing.assert_array_equal(result.test_error, result.errors[..., -1])


def test_recalibration_is_that_of_a_plain_network(small: Result) -> None:
    """One plain network after another: reset, plain average, all 600 training images at once."""
    data = digits_data((0, 1, 2), train_size=600)
    network = build_replicas(network_plan("mlp", "batch"), data.seeds)
    train(network, data, TrainingPlan(150, 8, (150,), 0.3 * 8 / 64))
    for place in range(3):
        plain = network.replica(place).train()
        for module in plain:
            if isinstance(module, nn.BatchNorm1d):
                module.reset_running_stats()
                module.momentum = None
        with torch.no_grad():
            plain(data.features[data.train[place]])
            logits = plain.eval()(data.features[data.test[place]])
        wrong = (logits.argmax(1) != data.labels[data.test[place]]).double().mean().item()
        assert small.recalibrated_error[1, place] == pytest.approx(wrong, abs=1.001 / 450)  # rounding: one image


def test_the_same_settings_give_the_same_numbers_and_another_seed_others(small: Result) -> None:
    again, other = run(small.settings), run(small.settings.replace(seed=5))
    np.testing.assert_array_equal(small.test_error, again.test_error)
    np.testing.assert_array_equal(small.statistics.fidelity, again.statistics.fidelity)
    assert not np.array_equal(small.test_error, other.test_error)


def test_a_batch_size_does_not_depend_on_the_others(small: Result) -> None:
    alone = run(Settings(**(SMALL | {"batch_sizes": (8,)})))
    np.testing.assert_array_equal(alone.test_error[:, 0], small.test_error[:, 1])


@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_all_normalizers_start_from_the_same_weights(network: Any) -> None:
    networks = [plain_network(network_plan(network, name, 4), 4) for name in ("batch", "layer", "group")]
    weights = [[layer.weight for layer in net if isinstance(layer, nn.Linear | nn.Conv2d)] for net in networks]
    for other in weights[1:]:
        assert all(torch.equal(a, b) for a, b in zip(weights[0], other, strict=True))


def test_groups_are_obeyed_and_must_divide() -> None:
    norms = [module for module in plain_network(network_plan("cnn", "group", 4), 0) if isinstance(module, nn.GroupNorm)]
    assert [norm.num_groups for norm in norms] == [4, 4]
    for changes in ({"groups": 3}, {"network": "cnn", "groups": 32}):
        with pytest.raises(SettingError, match="groups must be a divisor of the network's"):
            Settings(**changes)
    assert Settings(groups=3, normalizers=("batch", "layer")).groups == 3


def test_settings_come_from_links_once_each() -> None:
    settings = Settings(batch_sizes="8, 2,8", normalizers="layer,batch")  # type: ignore[arg-type]
    assert settings.batch_sizes == (8, 2)
    assert settings.normalizers == ("layer", "batch")
    for changes in ({"batch_sizes": ()}, {"batch_sizes": (0,)}, {"normalizers": ("weight",)}, {"sampling": "sorted"}):
        with pytest.raises(SettingError, match=next(iter(changes))):
            Settings(**changes)
    with pytest.raises(SettingError, match="each one of none, batch, layer, group, instance"):
        Settings(normalizers=("weight",))  # type: ignore[arg-type]


def test_a_batch_of_one_is_refused_to_batch_norm_only_in_pytorchs_words(ones: Result) -> None:
    with pytest.raises(ValueError, match="Expected more than 1 value") as caught:
        plain_network(network_plan("mlp", "batch"), 0).train()(torch.zeros(1, 64))
    told = {(refusal.normalizer, refusal.batch_size): refusal.message for refusal in ones.refusals}
    assert told["batch", 1] == str(caught.value)
    assert set(told) == {("batch", 1), ("instance", 1), ("instance", 8)}
    for row, normalizer in enumerate(ones.normalizers):
        for place, size in enumerate((1, 8)):
            assert np.isnan(ones.test_error[row, place]).all() == ((normalizer, size) in told)
    assert ones.matches[0].standing == "refused"
    assert np.isnan(ones.recalibrated_error[0]).all()
    assert np.isfinite(ones.recalibrated_error[1]).all()
    assert "At batch 1 PyTorch refuses batch norm" in " ".join(part.text() for part in ones.advice.sentences)
    assert ones.progress == 1


def test_a_batch_of_one_image_trains_in_the_cnn() -> None:
    result = run(Settings(network="cnn", batch_sizes=(1,), normalizers=("batch", "instance"), epochs=1, seeds=1))
    assert not result.refusals
    assert np.isfinite(result.test_error).all()
    assert result.test_error[0, 0, 0] < 0.4
    assert result.statistics.network == "cnn"
    assert result.statistics.fidelity[0] > 0.9


def test_batches_from_one_class_break_batch_norm_and_not_layer_norm() -> None:
    """Guessing has 90 % error."""
    result = run(Settings(sampling="one_class", batch_sizes=(8,), normalizers=("batch", "layer"), epochs=6, seeds=3))
    assert (result.test_error[0] > 0.75).all()
    assert result.error_mean[1, 0] < 0.2
    assert result.matches[0].finding.verdict == SHOWS
    assert result.advice.outcome == "nowhere"
    assert result.remaining[0].mean > 0.5


def test_the_small_cnn_stands_batches_from_one_class() -> None:
    """Where the MLP has 90 % error; its layers keep nearly all of a value, and little of it lies between the classes."""
    result = run(
        Settings(network="cnn", sampling="one_class", batch_sizes=(4,), normalizers=("batch",), epochs=3, seeds=2)
    )
    assert (result.test_error < 0.2).all()
    assert result.statistics.fidelity[0] > 0.98
    assert result.statistics.class_share < result.other_statistics.class_share


def test_divergence_is_dated_and_leaves_the_others_alone(wild: Result) -> None:
    assert wild.diverged_at[1, 0, 1] > 0
    assert np.isnan(wild.test_error[1, 0, 1])
    assert np.isfinite(wild.test_error).sum() == 5
    assert (wild.diverged_at >= 0).sum() == 1
    assert (wild.matches[0].finding.pairs, wild.matches[0].finding.lost) == (2, 1)
    assert wild.matches[0].standing == "no_verdict"


def test_the_best_of_the_others_is_the_opponent(small: Result) -> None:
    for place, match in enumerate(small.matches):
        best = min((1, 2), key=lambda row: small.test_error[row, place].mean())
        assert match.alternative == small.normalizers[best]
        assert match.error == pytest.approx(small.test_error[best, place].mean())
        difference = small.test_error[0, place] - small.test_error[best, place]
        np.testing.assert_array_equal(small.differences[place], difference)
        assert match.finding == judge(difference, 0.01)
        assert small.rescues[place] == judge(small.test_error[0, place] - small.recalibrated_error[place], 0.01)
        assert small.remaining[place] == judge(small.recalibrated_error[place] - small.test_error[best, place], 0.01)


@pytest.mark.parametrize("normalizers", [("batch",), ("layer", "group"), ("instance",)])
def test_without_an_opponent_there_is_no_advice(normalizers: Any) -> None:
    result = run(Settings(normalizers=normalizers, batch_sizes=(64,), epochs=1, seeds=2))
    assert result.advice.outcome == "nothing"
    assert result.advice.sentences == ()
    assert {finding.verdict for finding in result.remaining} == {NOISY}


def test_partial_results_grow_from_the_largest_batch_and_end_in_the_whole(
    monkeypatch: pytest.MonkeyPatch, small: Result
) -> None:
    monkeypatch.setattr("bnviz.study.updates.Updates.__init__.__defaults__", (0.0,))
    parts: list[Result] = []
    run(small.settings, parts.append)
    shares = [part.progress for part in parts]
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert {part.training for part in parts} == {32, 8, 0}
    at_work = [part.training for part in parts if part.training]
    assert at_work == sorted(at_work, reverse=True)
    for part in parts:
        known = np.isfinite(part.test_error)
        np.testing.assert_array_equal(part.test_error[known], small.test_error[known])
        if part.training == 8:
            assert known[:, 0].all()
            assert not known[:, 1].any()
        if part.current_epoch and np.isfinite(part.current_error).all():
            place = part.settings.batch_sizes.index(part.training)
            seen = [{float(value) for value in part.errors[row, place].mean(0)} for row in range(3)]
            assert all(any(np.isclose(part.current_error[row], value) for value in seen[row]) for row in range(3))


def test_an_order_to_stop_is_heeded_in_mid_run() -> None:
    class EnoughError(Exception):
        pass

    def stop(_: Result) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        run(Settings(**SMALL), stop)


def test_too_much_is_refused_with_what_to_reduce() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(epochs=100, seeds=20, batch_sizes=(1, 2), network="cnn"))
    assert "epochs" in caught.value.reduce
    for changes in ({"seeds": 20}, {"epochs": 30}, {"network": "cnn"}, {"batch_sizes": (1024,)}):
        assert estimated_seconds(Settings(**changes)) < 90


def test_the_shipped_result_is_of_the_defaults_and_of_this_code(default: Result) -> None:
    """Two of the ten seeds at two of the batch sizes, run now."""
    assert default.settings == Settings()
    assert default.progress == 1
    few = run(Settings(seeds=2, batch_sizes=(16,)))
    assert_same_outcome(few.test_error[:, 0], default.test_error[:, 3])
    assert_same_outcome(few.recalibrated_error, default.recalibrated_error[[3]])
    np.testing.assert_allclose(few.statistics.fidelity[0], default.statistics.fidelity[3], rtol=1e-4)
    two = run(Settings(seeds=2, batch_sizes=(2,), normalizers=("batch",)))
    assert_same_outcome(two.test_error[:, 0], default.test_error[[BATCH], 0])


def test_the_defaults_show_the_cliff_of_the_recipe(default: Result) -> None:
    """Recipe (b): batch norm 29.9 ± 3.3 at 2, 4.5 to 4.7 from 8 on; layer and group norm 4.3 to 6.4 everywhere."""
    error = 100 * default.error_mean
    assert 25 < error[BATCH, 0] < 38
    assert (error[BATCH, 2:] < 5.5).all()
    assert ((error[[LAYER, GROUP]] > 3.5) & (error[[LAYER, GROUP]] < 6.5)).all()
    assert default.matches[0].standing == "worse"
    assert default.matches[1].standing in ("unknown", "worse")  # the hint at 4
    assert {match.standing for match in default.matches[2:]} <= {"better", "alike", "not_worse"}
    assert (default.advice.outcome, default.advice.least) == ("from", 8)


def test_recomputed_statistics_do_not_rescue_batch_2(default: Result) -> None:
    assert default.remaining[0].verdict == SHOWS
    assert default.remaining[0].low > 0.2
    assert abs(default.rescues[0].mean) < 0.05


@pytest.mark.claim
def test_the_small_cnn_has_no_cliff() -> None:
    result = run(Settings(network="cnn", batch_sizes=(2, 16), normalizers=("batch",), epochs=3, seeds=3))
    assert result.error_mean[0, 0] < result.error_mean[0, 1] + 0.03
    mlp = run(Settings(batch_sizes=(2, 16), normalizers=("batch",), epochs=3, seeds=3))
    assert mlp.error_mean[0, 0] > mlp.error_mean[0, 1] + 0.2


def test_a_result_goes_through_a_file(ones: Result, tmp_path: Path) -> None:
    shipped.save(ones, tmp_path / "x.npz")
    back = shipped.load(Result, tmp_path / "x.npz")
    for name in ("settings", "advice", "refusals"):
        assert getattr(back, name) == getattr(ones, name)
    for field in dataclasses.fields(Result):
        if isinstance(getattr(ones, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(ones, field.name))
    np.testing.assert_array_equal(back.other_statistics.fidelity, ones.other_statistics.fidelity)
