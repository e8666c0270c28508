"""The training loop against plain PyTorch loops, its reports, stopping, divergence, recalibration, the loss landscape."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from bnviz.core.landscape import loss_along_gradient
from bnviz.core.recalibration import recalibrate
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.replica_networks import NetworkPlan, build_replicas, plain_network
from bnviz.core.replicas import Replicas
from bnviz.core.streams import stream_seed
from bnviz.core.training import (
    TrainingPlan,
    TrainingStopped,
    Update,
    evaluate,
    every,
    interleaved,
    train,
    training,
)
from bnviz.errors import BatchOfOneError

SEEDS = (4, 9, 11)
MLP = NetworkPlan(inputs=64, classes=10, widths=(16, 12))
CNN = NetworkPlan(inputs=(1, 8, 8), classes=10, widths=(4, 6))
PLAN = TrainingPlan(steps=20, batch_size=16, record_at=(0, 5, 20), learning_rate=0.2, unit=3)


def make(plan: NetworkPlan = MLP, seeds: tuple[int, ...] = SEEDS) -> tuple[Replicas, ReplicaData]:
    """Double precision, so that rounding explains nothing."""
    data = digits_data(seeds, images=not isinstance(plan.inputs, int), train_size=300)
    return build_replicas(plan, seeds).double(), dataclasses.replace(data, features=data.features.double())


@pytest.mark.parametrize("plan", [MLP, CNN, dataclasses.replace(MLP, dropout=0.3, dropout_order="after_norm")], ids=str)
def test_the_whole_loop_equals_plain_loops(plan: NetworkPlan) -> None:
    network, data = make(plan)
    result = train(network, data, PLAN)
    order = batch_indices(data, 16, 20)
    for place, seed in enumerate(SEEDS):
        alone = plain_network(plan, seed).double()
        optimizer = torch.optim.SGD(alone.parameters(), lr=0.2)
        activation = [module for module in alone if isinstance(module, nn.ReLU)][-1]
        inputs: list[torch.Tensor] = []
        activation.register_forward_pre_hook(lambda _, arguments, inputs=inputs: inputs.append(arguments[0].detach()))
        losses, points = [], []

        def test(
            alone: nn.Module = alone, place: int = place, points: list[Any] = points, inputs: Any = inputs
        ) -> None:
            alone.eval()
            with torch.no_grad():
                logits = alone(data.features[data.test[place]])
            labels = data.labels[data.test[place]]
            accuracy = float((logits.argmax(1) == labels).double().mean())
            unit = np.percentile(inputs[-1][:, 3].numpy(), (15, 50, 85))
            points.append((float(functional.cross_entropy(logits, labels)), accuracy, *unit))
            alone.train()

        with torch.random.fork_rng():
            torch.manual_seed(stream_seed(seed, "dropout"))
            test()
            for step in range(20):
                batch = order[step, place]
                loss = functional.cross_entropy(alone(data.features[batch]), data.labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
                if step + 1 in {5, 20}:
                    test()
        expected = np.array(points)
        np.testing.assert_allclose(result.loss[place], expected[:, 0], atol=1e-6)
        np.testing.assert_allclose(result.accuracy[place], expected[:, 1], atol=1e-12)
        assert result.percentiles is not None
        np.testing.assert_allclose(result.percentiles[place], expected[:, 2:], atol=1e-6)
        np.testing.assert_allclose(result.train_loss[place, 1:], [np.mean(losses[:5]), np.mean(losses[5:])], atol=1e-6)
    assert np.isnan(result.train_loss[:, 0]).all()
    assert result.steps.tolist() == [0, 5, 20]
    assert (result.diverged_at == -1).all()


@pytest.mark.parametrize(
    "plan", [MLP, CNN, dataclasses.replace(MLP, dropout=0.3, dropout_order="before_norm")], ids=str
)
def test_a_replica_gets_the_same_alone_and_among_others(plan: NetworkPlan) -> None:
    together, alone = train(*make(plan), PLAN), train(*make(plan, (9,)), PLAN)
    np.testing.assert_allclose(together.loss[1], alone.loss[0], atol=1e-6)
    np.testing.assert_allclose(together.train_loss[1], alone.train_loss[0], atol=1e-6)
    np.testing.assert_array_equal(together.accuracy[1], alone.accuracy[0])


def test_the_same_seeds_give_the_same_numbers_and_others_do_not() -> None:
    plan = dataclasses.replace(MLP, dropout=0.3, dropout_order="after_norm")
    first, second = train(*make(plan), PLAN), train(*make(plan), PLAN)
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(first.percentiles, second.percentiles)
    assert len(set(first.loss[:, -1])) == len(SEEDS)


def test_updates_come_as_they_are_made_in_numpy_with_the_shapes_they_say() -> None:
    updates: list[Update] = []
    result = train(*make(), PLAN, updates.append)
    assert [update.step for update in updates] == [0, 5, 20]
    assert {update.steps for update in updates} == {20}
    for place, update in enumerate(updates):
        for name in ("accuracy", "loss", "train_loss", "diverged_at"):
            assert type(getattr(update, name)) is np.ndarray
            assert getattr(update, name).shape == (3,)
        np.testing.assert_array_equal(update.loss, result.loss[:, place])
        assert update.percentiles is not None
        assert update.percentiles.shape == (3, 3)
    assert result.percentiles is not None
    assert result.percentiles.shape == (3, 3, 3)
    assert train(*make(), dataclasses.replace(PLAN, unit=None)).percentiles is None


def test_percentiles_are_those_of_the_named_unit() -> None:
    network, data = make()
    levels = [evaluate(network, data, unit)[2] for unit in range(12)]
    for place in range(3):
        hidden = network.replica(place).eval()[:5](data.features[data.test[place]]).detach().numpy()
        for unit in range(12):
            np.testing.assert_allclose(levels[unit][place], np.percentile(hidden[:, unit], (15, 50, 85)), atol=1e-9)


@pytest.mark.parametrize("plan", [MLP, CNN], ids=["mlp", "cnn"])
def test_a_test_set_in_parts_is_the_same_test_set(plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """450 samples in one part, and in parts of 200, 200 and 50."""
    network, data = make(plan)
    whole = evaluate(network, data, 2)
    monkeypatch.setattr("bnviz.core.training.CHUNK", 200)
    for one, other in zip(whole, evaluate(network, data, 2), strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("plan", [MLP, CNN], ids=["mlp", "cnn"])
def test_testing_leaves_the_network_alone(plan: NetworkPlan) -> None:
    network, data = make(plan)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    evaluate(network, data, 0)
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    often, seldom = (
        train(*make(plan), dataclasses.replace(PLAN, record_at=points)) for points in (tuple(range(21)), (20,))
    )
    np.testing.assert_array_equal(often.loss[:, -1], seldom.loss[:, -1])


def test_the_mode_that_a_caller_leaves_does_not_matter() -> None:
    expected = train(*make(), PLAN)
    network, data = make()
    network.eval()
    found = []
    for update in training(network, data, PLAN):
        found.append(update.loss)
        network.eval()
    np.testing.assert_array_equal(np.stack(found, axis=1), expected.loss)


def test_a_report_once_made_does_not_change() -> None:
    """Replica 1 diverges in step 2; what was said of step 0 stays as it was said."""
    wild = dataclasses.replace(PLAN, learning_rate=(0.2, float("inf"), 0.2))
    updates = list(training(*make(), wild))
    assert [update.diverged_at[1] for update in updates] == [-1, 2, 2]


@pytest.mark.parametrize("plan", [MLP, CNN], ids=["mlp", "cnn"])
@pytest.mark.parametrize("normalizer", ["none", "batch", "group"])
def test_divergence_is_reported_where_it_happens_and_leaves_the_others_as_they_are(
    plan: NetworkPlan, normalizer: Any
) -> None:
    """An infinite rate spoils the weights of replica 1 in the first step; the loss of the second step shows it."""
    plan = dataclasses.replace(plan, normalizer=normalizer)
    calm = train(*make(plan), PLAN)
    wild = train(*make(plan), dataclasses.replace(PLAN, learning_rate=(0.2, float("inf"), 0.2)))
    assert wild.diverged_at.tolist() == [-1, 2, -1]
    assert np.isnan(wild.loss[1]).tolist() == np.isnan(wild.accuracy[1]).tolist() == [False, True, True]
    for place in (0, 2):
        np.testing.assert_allclose(wild.loss[place], calm.loss[place], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(wild.accuracy[place], calm.accuracy[place])


def test_divergence_that_only_the_test_shows_is_dated_to_the_test() -> None:
    wild = train(*make(), dataclasses.replace(PLAN, steps=1, record_at=(0, 1), learning_rate=(0.2, float("inf"), 0.2)))
    assert wild.diverged_at.tolist() == [-1, 1, -1]


def test_a_large_rate_diverges_as_it_does_in_plain_pytorch() -> None:
    network, data = make(dataclasses.replace(MLP, normalizer="none"))
    plan = dataclasses.replace(PLAN, learning_rate=1e6)
    result = train(network, data, plan)
    order = batch_indices(data, 16, 20)
    for place, seed in enumerate(SEEDS):
        alone = plain_network(dataclasses.replace(MLP, normalizer="none"), seed).double()
        optimizer = torch.optim.SGD(alone.parameters(), lr=1e6)
        for step in range(1, 21):
            batch = order[step - 1, place]
            loss = functional.cross_entropy(alone(data.features[batch]), data.labels[batch])
            if not torch.isfinite(loss):
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert (result.diverged_at[place] == step) == (not torch.isfinite(loss))


def test_stopping_is_heeded_before_the_next_step() -> None:
    asked: list[int] = []
    updates: list[Update] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) == 7

    with pytest.raises(TrainingStopped):
        train(*make(), dataclasses.replace(PLAN, record_at=every(2, 20)), updates.append, should_stop)
    assert len(asked) == 7
    assert [update.step for update in updates] == [0, 2, 4, 6]


def test_interleaved_runs_take_turns_and_change_nothing() -> None:
    layer = dataclasses.replace(MLP, normalizer="layer")
    short = dataclasses.replace(PLAN, steps=5, record_at=(0, 5))
    pairs = list(interleaved([training(*make(), PLAN), training(*make(layer), short)]))
    assert [(index, update.step) for index, update in pairs] == [(0, 0), (1, 0), (0, 5), (1, 5), (0, 20)]
    np.testing.assert_array_equal(pairs[-1][1].loss, train(*make(), PLAN).loss[:, -1])


def test_a_batch_of_one_is_refused_in_pytorchs_words_for_one_network() -> None:
    one = dataclasses.replace(PLAN, batch_size=1)
    with pytest.raises(BatchOfOneError, match=r"more than 1 value per channel when training.*\[1, 16\]"):
        train(*make(), one)
    assert np.isfinite(train(*make(dataclasses.replace(MLP, normalizer="layer")), one).loss).all()
    assert np.isfinite(train(*make(CNN), one).loss).all()


def test_other_errors_of_pytorch_pass_unchanged() -> None:
    with pytest.raises(ValueError, match="more than 1 spatial element") as error:
        train(*make(dataclasses.replace(MLP, normalizer="instance")), dataclasses.replace(PLAN, record_at=(20,)))
    assert not isinstance(error.value, BatchOfOneError)


@pytest.mark.parametrize("points", [(5, 0), (0, 0), (0, 21), (-1,)])
def test_points_out_of_order_or_out_of_range_are_refused(points: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="record_at must ascend"):
        dataclasses.replace(PLAN, record_at=points)


def test_every_includes_both_ends_once() -> None:
    assert every(5, 20) == (0, 5, 10, 15, 20)
    assert every(7, 20) == (0, 7, 14, 20)
    assert every(50, 20) == (0, 20)


def test_as_many_rates_as_replicas() -> None:
    with pytest.raises(ValueError, match="3 replicas need as many learning rates; got 2"):
        train(*make(), dataclasses.replace(PLAN, learning_rate=(0.1, 0.2)))


def test_batch_norm_learns_where_plain_sigmoids_do_not() -> None:
    """The digits recipe (a) in 50 steps: batch norm is near 90 % there, the plain network still at chance (10 ± 3 %)."""
    data = digits_data(SEEDS)
    accuracy = {}
    for normalizer in ("batch", "none"):
        plan = NetworkPlan(64, 10, (100, 100, 100), "sigmoid", normalizer, init="normal")  # type: ignore[arg-type]
        run = TrainingPlan(steps=50, batch_size=60, record_at=(50,), learning_rate=0.5)
        accuracy[normalizer] = train(build_replicas(plan, SEEDS), data, run).accuracy[:, 0]
    assert accuracy["batch"].min() > 0.85
    assert accuracy["none"].max() < 0.35


@pytest.mark.parametrize("plan", [MLP, CNN, dataclasses.replace(MLP, ghost_size=4)], ids=["mlp", "cnn", "ghost"])
def test_recalibration_is_what_pytorch_does_for_one_network(plan: NetworkPlan) -> None:
    network, data = make(plan)
    train(network, data, PLAN)
    weights = [parameter.clone() for parameter in network.parameters()]
    network.train()
    plain = [network.replica(place) for place in range(3)]
    recalibrate(network, data, 12, 9)
    order = batch_indices(data, 12, 9, purpose="recalibration")
    for place, alone in enumerate(plain):
        stale = {name: value.clone() for name, value in alone.named_buffers()}
        update_bn([data.features[batch] for batch in order[:, place]], alone)  # type: ignore[arg-type]
        fresh = dict(network.replica(place).named_buffers())
        for name, value in alone.named_buffers():
            torch.testing.assert_close(fresh[name], value, rtol=0, atol=1e-9)
            assert not torch.equal(value, stale[name])
    assert all(torch.equal(a, b) for a, b in zip(weights, network.parameters(), strict=True))
    assert all(module.training for module in network.modules())
    assert {m.momentum for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)} == {0.1}


def test_recalibration_runs_without_dropout_unless_told() -> None:
    """Dropout in front of batch norm raises the variance it sees; without, the running variance falls to what eval mode feeds it."""
    plan = dataclasses.replace(MLP, dropout=0.5, dropout_order="before_norm", position="after")
    variances = {}
    for dropout in (False, True):
        network, data = make(plan)
        recalibrate(network, data, 100, 30, dropout=dropout)
        variances[dropout] = network.normalizers[0].norm.running_var
    # At keep probability ½ every channel's second moment doubles while its squared mean stays: never less than double.
    # 3000 samples: the sampling error of a variance is about 3 to 8 %, far below the factor asserted.
    assert (variances[True] / variances[False].clamp_min(1e-6))[variances[False] > 1e-3].min() > 1.5


@pytest.mark.parametrize("plan", [MLP, CNN], ids=["mlp", "cnn"])
def test_the_landscape_is_what_plain_steps_find(plan: NetworkPlan) -> None:
    network, data = make(plan)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.eval()
    batch = batch_indices(data, 16, 1)[0]
    found = loss_along_gradient(network, data, batch, (0.0, 0.5, 2.0))
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for place in range(3):
        features, labels = data.features[batch[place]], data.labels[batch[place]]
        for column, size in enumerate((0.0, 0.5, 2.0)):
            alone = network.replica(place).train()
            start = functional.cross_entropy(alone(features), labels)
            gradient = torch.autograd.grad(start, list(alone.parameters()))
            with torch.no_grad():
                for parameter, part in zip(alone.parameters(), gradient, strict=True):
                    parameter.sub_(size * part)
            there = functional.cross_entropy(alone(features), labels)
            moved = torch.autograd.grad(there, list(alone.parameters()))
            change = sum(float(((a - b) ** 2).sum()) for a, b in zip(moved, gradient, strict=True)) ** 0.5
            norm = sum(float((part**2).sum()) for part in gradient) ** 0.5
            assert found.loss[place, column] == pytest.approx(float(there.detach()), abs=1e-9)
            assert found.gradient_change[place, column] == pytest.approx(change, abs=1e-9)
            assert found.gradient_norm[place] == pytest.approx(norm, abs=1e-9)
            assert found.start_loss[place] == pytest.approx(float(start.detach()), abs=1e-9)
