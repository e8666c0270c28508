"""The experiment of the topic `backward` of the lab `modes` against plain PyTorch, written out a second time."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz.core.replica_networks import plain_network
from bnviz.labs.modes.backward.experiment import adopt_statistics, run
from bnviz.labs.modes.backward.settings import Settings
from bnviz.labs.modes.shared.network import digits_of, network_plan, norms_of, training_batches

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 5}


class Normalized(nn.Module):
    """Batch norm by hand; `constant`: no gradient through mean and variance."""

    def __init__(self, norm: nn.BatchNorm1d, constant: bool) -> None:
        super().__init__()
        self.norm, self.constant = norm, constant

    def forward(self, values: Tensor) -> Tensor:
        mean, var = values.mean(0), values.var(0, correction=0)
        if self.constant:
            mean, var = mean.detach(), var.detach()
        weight, bias = self.norm.weight.double(), self.norm.bias.double()
        return weight * (values - mean) / (var + self.norm.eps).sqrt() + bias


def by_hand(settings: Settings, constant: bool) -> tuple[list[float], nn.Sequential]:
    """Losses of a training with batch norms written out, and what it trained."""
    network = plain_network(network_plan(settings), settings.seed).double()
    layers = [Normalized(module, constant) if isinstance(module, nn.BatchNorm1d) else module for module in network]
    optimizer = torch.optim.SGD(network.parameters(), lr=settings.learning_rate)
    losses = []
    for images, labels in training_batches(digits_of(settings), settings.batch_size, settings.steps):
        loss = nn.functional.cross_entropy(nn.Sequential(*layers)(images.double()), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses, network


def test_eval_mode_s_gradient_is_that_of_detached_statistics() -> None:
    settings = Settings(**SMALL)
    result = run(settings)
    for way, constant in enumerate((False, True)):
        losses, network = by_hand(settings, constant)
        np.testing.assert_allclose(result.loss[way], losses, rtol=1e-4)
        assert result.weight_norm[way, -1] == pytest.approx(
            float(network.get_parameter("0.weight").detach().norm()), rel=1e-5
        )
    assert not np.allclose(result.loss[0], result.loss[1], rtol=1e-3)


def test_the_same_outputs_come_with_other_gradients() -> None:
    settings = Settings(**SMALL)
    result = run(settings)
    assert result.batch_loss_same == pytest.approx(result.batch_loss, rel=1e-12)
    assert abs(result.batch_loss_running - result.batch_loss) > 0.01
    _losses, network = by_hand(settings, constant=False)
    images, labels = training_batches(digits_of(settings), settings.batch_size, settings.steps + 1)[-1]
    gradients = []
    for constant in (False, True):
        layers = [Normalized(module, constant) if isinstance(module, nn.BatchNorm1d) else module for module in network]
        loss = nn.functional.cross_entropy(nn.Sequential(*layers)(images.double()), labels)
        gradients.append(torch.autograd.grad(loss, [network.get_parameter(name) for name in ("0.weight", "3.weight")]))
    for layer, (one, other) in enumerate(zip(*gradients, strict=True)):
        cosine = nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)
        assert result.cosine_same[layer] == pytest.approx(float(cosine), abs=1e-3)
    assert result.cosine_same.max() < 0.9


def test_what_passes_is_what_is_not_removed() -> None:
    result = run(Settings(**SMALL))
    np.testing.assert_allclose(result.kept, result.kept_theory, rtol=1e-9)
    np.testing.assert_allclose(result.kept, 1 - result.removed_mean - result.removed_var, atol=1e-3)
    np.testing.assert_allclose(result.overlap[0], result.overlap_theory, atol=1e-10)
    assert run(Settings(**SMALL | {"batch_size": 2})).kept.max() < 0.01


def test_adopted_statistics_are_those_of_train_mode() -> None:
    settings = Settings(**SMALL)
    network = plain_network(network_plan(settings), 0)
    images, _labels = training_batches(digits_of(settings), settings.batch_size, 1)[0]
    expected = copy.deepcopy(network).train()(images)
    adopt_statistics(network, images)
    assert not any(module.training for module in norms_of(network))
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)


def test_a_diverged_training_is_a_result_too() -> None:
    result = run(Settings(**SMALL | {"steps": 30}, learning_rate=10.0))
    assert result.loss.shape == (2, 30)
