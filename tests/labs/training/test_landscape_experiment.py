"""The topic `landscape` of the lab `training` against plain PyTorch, theory and the recipes."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.replica_data import batch_indices
from bnviz.core.replica_networks import build_replicas, plain_network
from bnviz.core.training import TrainingPlan, train
from bnviz.labs.training.landscape.experiment import run
from bnviz.labs.training.landscape.experiment.gradient import look
from bnviz.labs.training.landscape.lesson import TOPIC
from bnviz.labs.training.landscape.result import Result
from bnviz.labs.training.landscape.settings import Settings
from bnviz.labs.training.shared.networks import network_plan, training_data
from bnviz.study import shipped
from bnviz.study.verdict import NOISY, SHOWS

TINY: dict[str, Any] = {"width": 16, "depth": 2, "seeds": 3, "normalizers": ("none", "batch")}


def settings(**changes: Any) -> Settings:
    return Settings(**TINY | changes)


@pytest.fixture(scope="module")
def landscape() -> Result:
    return run(settings(epochs=2))


def test_a_look_is_what_a_plain_network_shows() -> None:
    """Double precision, one network: losses and gradients along the gradient, H·g by autograd's own Jacobian-vector product."""
    few = settings(activation="tanh")
    data = dataclasses.replace(exact := training_data(few, (1, 6)), features=exact.features.double())
    batch = batch_indices(data, 64, 1)[0]
    network = build_replicas(network_plan(few, data, "batch"), data.seeds)
    before = copy.deepcopy(network.state_dict())
    seen = look(network, data, batch, np.array([0.05, 0.2]), 1e-7)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for place, seed in enumerate(data.seeds):
        alone = plain_network(network_plan(few, data, "batch"), seed).double().train()
        names = [name for name, _ in alone.named_parameters()]
        buffers = dict(alone.named_buffers())

        def loss(
            *values: torch.Tensor,
            alone: nn.Module = alone,
            place: int = place,
            names: Any = names,
            buffers: Any = buffers,
        ) -> Any:
            state = dict(zip(names, values, strict=True)) | {name: value.clone() for name, value in buffers.items()}
            logits = torch.func.functional_call(alone, state, (data.features[batch[place]],))
            return nn.functional.cross_entropy(logits, data.labels[batch[place]])

        start = tuple(part.detach() for part in alone.parameters())
        gradient = torch.autograd.grad(loss(*(part.requires_grad_() for part in start)), start)
        length = math.sqrt(sum(float((part**2).sum()) for part in gradient))
        assert seen.along.gradient_norm[place] == pytest.approx(length, rel=1e-9)
        for number, size in enumerate((0.05, 0.2)):
            there = tuple(
                (part - size * step).detach().requires_grad_() for part, step in zip(start, gradient, strict=True)
            )
            value = loss(*there)
            moved = torch.autograd.grad(value, there)
            assert seen.along.loss[place, number] == pytest.approx(float(value.detach()), rel=1e-9)
            distance = math.sqrt(sum(float(((a - b) ** 2).sum()) for a, b in zip(moved, gradient, strict=True)))
            assert seen.along.gradient_change[place, number] == pytest.approx(distance, rel=1e-9)
        _, product = torch.autograd.functional.hvp(loss, start, gradient)
        assert seen.turning[place] == pytest.approx(
            math.sqrt(sum(float((part**2).sum()) for part in product)), rel=1e-8
        )
        curved = sum(float((a * b).sum()) for a, b in zip(product, gradient, strict=True))
        assert seen.curvature[place] == pytest.approx(curved, rel=1e-8)


def test_close_by_slope_and_bend_are_first_and_second_order(landscape: Result) -> None:
    """A millionth of the rate: what is left is the next order and, rarely, a ReLU that bends within it."""
    np.testing.assert_allclose(landscape.slope, landscape.slope_expected, rtol=1e-4)
    close = np.abs(landscape.bend / landscape.bend_expected - 1) < 1e-4
    assert close.mean() > 0.95


def test_ranges_and_factors_are_those_of_the_losses(landscape: Result) -> None:
    result = landscape
    both = np.concatenate([result.start_loss[..., None], result.loss], axis=-1)
    np.testing.assert_allclose(result.range, both.max(-1) - both.min(-1))
    np.testing.assert_allclose(result.change, result.gradient_change.max(-1))
    np.testing.assert_allclose(result.relative_change, result.change / result.gradient_norm)
    np.testing.assert_allclose(result.range_mean, np.exp(np.log(result.range).mean(1)))
    np.testing.assert_allclose(result.range_factors[0], np.log10(result.range[1] / result.range[0]).mean(1))
    assert result.sizes[0] == pytest.approx(0.05)
    assert result.sizes[-1] == pytest.approx(0.4)
    assert (result.look_steps[0], result.look_steps[-1]) == (0, result.total_steps)


def test_looking_does_not_disturb_training(landscape: Result) -> None:
    data = training_data(landscape.settings, (0, 1, 2))
    plan = TrainingPlan(landscape.total_steps, 64, tuple(map(int, landscape.look_steps)), learning_rate=0.1)
    for index, name in enumerate(landscape.variants):
        alone = train(build_replicas(network_plan(landscape.settings, data, name), data.seeds), data, plan)
        np.testing.assert_array_equal(landscape.accuracy[index], alone.accuracy)


def test_a_diverged_network_leaves_gaps_and_the_others_alone() -> None:
    result = run(settings(epochs=2, activation="identity", learning_rate=2.0))
    assert (result.diverged_at[0] > 0).all()
    assert (result.diverged_at[1] == -1).all()
    assert np.isnan(result.range[0, :, -1]).all()
    assert np.isfinite(result.range[1]).all()
    assert np.isfinite(result.range[0, :, 0]).all()


def test_the_shipped_landscape_is_of_this_code_and_smoother_with_batch_norm() -> None:
    result = shipped.load(Result, TOPIC.shipped)
    assert result.settings == TOPIC.opening
    for finding in (result.range_findings[0], result.change_findings[0], result.relative_findings[0]):
        assert finding.verdict == SHOWS
        assert finding.high < math.log10(0.5)
    assert result.range_mean[1, 0] > result.range_mean[0, 0]  # the other way round in the fresh network
    few = run(result.settings.replace(seeds=2))
    np.testing.assert_allclose(few.range[:, :, 0], result.range[:, :2, 0], rtol=1e-6)
    np.testing.assert_allclose(few.range_factors, result.range_factors[:, :2], atol=0.15)
    assert few.range_findings[0].verdict == NOISY  # two seeds never say anything


def test_at_a_small_rate_the_loss_varies_more_with_batch_norm_and_the_gradient_changes_less_over_its_length() -> None:
    result = run(TOPIC.preset("a_small_rate").replace(seeds=2, epochs=5))
    assert result.range_findings[0].mean > 0
    assert result.relative_findings[0].mean < 0
