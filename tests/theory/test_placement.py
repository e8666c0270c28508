"""Identities of normalization: exact against autograd in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.theory import placement

M, C = 6, 4


def batch_norm(eps: float, gamma: torch.Tensor | None = None) -> nn.BatchNorm1d:
    layer = nn.BatchNorm1d(C, eps=eps, dtype=torch.float64)
    if gamma is not None:
        layer.weight.data.copy_(gamma)
    return layer


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_backward_pass(eps: float) -> None:
    gamma, cotangent = normal(51, C), normal(52, M, C)
    x = (2.0 + 0.7 * normal(53, M, C)).requires_grad_()
    layer = batch_norm(eps, gamma)
    output = layer(x)
    output.backward(cotangent)
    arguments = (x.detach().numpy(), cotangent.numpy(), gamma.numpy(), eps)
    normalized = (output.detach() / gamma).numpy()
    np.testing.assert_allclose(placement.normalize(arguments[0], eps), normalized, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(placement.batch_norm_backward(*arguments), x.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.grad.sum(dim=0).numpy(), 0, atol=1e-13)
    overlap = (x.grad.numpy() * normalized).sum(axis=0)
    np.testing.assert_allclose(placement.backward_overlap(*arguments), overlap, rtol=1e-6, atol=1e-13)


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_weights_and_bias_in_front(eps: float) -> None:
    torch.manual_seed(54)
    linear, layer, inputs = nn.Linear(3, C, dtype=torch.float64), batch_norm(eps, normal(55, C)), normal(56, M, 3)
    cotangent = normal(57, M, C)
    raw = linear(inputs)
    layer(raw).backward(cotangent)
    overlap = (linear.weight * linear.weight.grad).sum(dim=1).detach().numpy()
    expected = placement.weight_gradient_overlap(
        raw.detach().numpy(), cotangent.numpy(), layer.weight.detach().numpy(), eps
    )
    np.testing.assert_allclose(expected, overlap, rtol=1e-6, atol=1e-13)
    np.testing.assert_allclose(linear.bias.grad.numpy(), 0, atol=1e-13)


@pytest.mark.parametrize(
    ("normalizer", "groups", "module"),
    [
        ("batch", 1, nn.BatchNorm2d(6)),
        ("layer", 1, nn.LayerNorm([6, 4, 5])),
        ("instance", 1, nn.InstanceNorm2d(6)),
        ("group", 3, nn.GroupNorm(3, 6)),
        ("group", 1, nn.GroupNorm(1, 6)),
        ("group", 6, nn.GroupNorm(6, 6)),
    ],
)
def test_elements_that_share_a_statistic(
    normalizer: Literal["batch", "layer", "group", "instance"], groups: int, module: nn.Module
) -> None:
    """One input element moves exactly the outputs that share its statistic."""
    shape = (3, 6, 4, 5)
    x = normal(62, *shape)
    moved = x.clone()
    moved[1, 2, 3, 4] += 1.0
    module = module.double()
    changed = int(((module(x) - module(moved)).abs() > 1e-9).sum())
    count = placement.statistic_count(normalizer, *shape, groups=groups)
    assert count.elements == changed
    assert count.statistics * count.elements == x.numel()


@pytest.mark.parametrize(
    "call",
    [
        lambda: placement.normalize([[1.0, 2.0]]),
        lambda: placement.normalize([[1.0], [2.0]], eps=-1),
        lambda: placement.statistic_count("group", 2, 6, 1, 1, groups=4),
        lambda: placement.statistic_count("batch", 0, 6, 1, 1),
        lambda: placement.statistic_count("weight", 2, 6, 1, 1),  # type: ignore[arg-type]
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must"):
        call()
