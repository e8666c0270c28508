"""Growth of the gradient per layer: Yang's finite-batch results and the recurrent cell against autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.theory import gradient, growth
from bnviz.theory.activations import moments_after
from bnviz.theory.gradient import NormalizedNetwork

# With the standard error itself estimated from at least 10 networks, 5 of them are passed by chance once in 1400 times.
ERRORS = 5.0


def assert_growth(measured: list[float], predicted: float, left_out: float) -> None:
    logs = np.log(measured)
    error = logs.std(ddof=1) / math.sqrt(len(logs))
    assert error < 0.01
    assert abs(logs.mean() - math.log(predicted)) <= ERRORS * error + left_out, (
        logs.mean(),
        math.log(predicted),
        error,
    )


@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("batch", [6, 8, 16])
def test_finite_batch(activation: Literal["identity", "relu"], batch: int) -> None:
    """Deep in the network, where the samples of a batch have become equally unlike each other."""
    width, depth, first, last = 400, 26, 8, 24
    measured = []
    for seed in range(10):
        torch.manual_seed(seed)
        signal, seen = torch.randn(batch, width), []
        for _ in range(depth):
            weight = torch.randn(width, width) / math.sqrt(width)
            signal = signal @ weight.T
            signal.requires_grad_() if not signal.requires_grad else signal.retain_grad()
            seen.append(signal)
            signal = nn.BatchNorm1d(width, eps=1e-12)(signal)
            signal = torch.relu(signal) if activation == "relu" else signal
        signal.backward(torch.randn_like(signal))
        squares = [seen[layer].grad.square().sum().item() for layer in (first, last)]
        measured.append((squares[0] / squares[1]) ** (0.5 / (last - first)))
    # Width leaves out terms of order 1/width per layer.
    assert_growth(measured, growth.growth_finite_batch(activation, batch), 2 / width)


def test_finite_batch_tends_to_the_large_batch() -> None:
    assert growth.growth_finite_batch("relu", 10**7) == pytest.approx(growth.growth_batch_norm("relu"), rel=1e-6)
    assert growth.growth_finite_batch("identity", 10**7) == pytest.approx(
        growth.growth_batch_norm("identity"), rel=1e-6
    )
    assert growth.growth_finite_batch("identity", 4) == pytest.approx(math.sqrt(2))


def test_textbook_value_of_relu() -> None:
    assert growth.growth_batch_norm("relu") == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=1e-12)
    assert round(growth.growth_batch_norm("relu"), 4) == 1.2112
    assert growth.growth_batch_norm("relu", sigma_w=0.05) == pytest.approx(
        growth.growth_batch_norm("relu", sigma_w=5.0)
    )


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"])
@pytest.mark.parametrize("gamma", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("beta", [-1.0, 0.0, 0.7])
def test_batch_norm_before_never_shrinks_gradients(activation: str, gamma: float, beta: float) -> None:
    assert growth.growth_batch_norm(activation, gamma, beta) >= 1 - 1e-12  # type: ignore[arg-type]
    assert growth.growth_batch_norm("identity", gamma, beta) == pytest.approx(1)


@pytest.mark.parametrize("position", ["before", "after"])
def test_is_the_factor_of_a_layer_deep_down(position: Literal["before", "after"]) -> None:
    """`test_gradient.py` holds those factors against real networks."""
    settings = {"gamma": 1.4, "beta": -0.5, "position": position}
    network = NormalizedNetwork("silu", sigma_w2=0.64, sigma_b2=0.09, eps=1e-12, **settings)
    factors = gradient.normalized_factors(network, gradient.normalized_lengths(network, 8, 2.0, 0.5))
    found = growth.growth_batch_norm("silu", sigma_w=0.8, sigma_b=0.3, **settings)
    assert found == pytest.approx(math.sqrt(factors[-1]), rel=1e-9)


def test_after_the_activation_averages_over_the_offsets_of_units() -> None:
    """Offsets drawn one by one give the quadrature's value."""
    sigma_w, sigma_b = 0.9, 0.8
    squared = []
    for offset in sigma_b * np.random.default_rng(91).normal(size=2000):
        moments = moments_after("tanh", sigma_w, float(offset))
        squared.append(sigma_w**2 * moments.mean_squared_slope / moments.variance)
    expected = growth.growth_batch_norm("tanh", position="after", sigma_w=sigma_w, sigma_b=sigma_b) ** 2
    error = np.std(squared, ddof=1) / math.sqrt(len(squared))
    assert error < 0.02 * expected
    assert abs(np.mean(squared) - expected) <= ERRORS * error


@pytest.mark.parametrize(("gamma", "input_std"), [(0.1, 0.0), (0.8, 0.0), (1.5, 0.0), (0.1, 0.5), (1.2, 0.7)])
def test_recurrent_cell_with_batch_norm_per_step(gamma: float, input_std: float) -> None:
    width, batch, steps = 256, 256, 9
    measured = []
    for seed in range(10):
        torch.manual_seed(seed)
        recurrent = nn.Linear(width, width, bias=False)
        nn.init.normal_(recurrent.weight, std=1 / math.sqrt(width))
        state, seen = torch.tanh(torch.randn(batch, width)), []
        for _ in range(steps):
            summed = recurrent(state)
            summed.retain_grad()
            seen.append(summed)
            norm = nn.BatchNorm1d(width, eps=1e-12)
            nn.init.constant_(norm.weight, gamma)
            state = torch.tanh(norm(summed) + input_std * torch.randn(batch, width))
        state.backward(torch.randn_like(state))
        squares = [seen[step].grad.square().sum().item() for step in (1, steps - 1)]
        measured.append((squares[0] / squares[1]) ** (0.5 / (steps - 2)))
    # The backward projection leaves out 2/batch of the square, half of that of the norm; finite width about as much.
    assert_growth(measured, growth.growth_recurrent_tanh(gamma, input_std**2), 1 / batch + 1 / width)


def test_without_normalizer() -> None:
    sigma_w, sigma_b, q = 1.3, 0.4, 0.9
    factor = float(gradient.backward_factors("tanh", sigma_w**2, [q])[0])
    assert growth.growth_without_normalizer("tanh", sigma_w, sigma_b, q) == pytest.approx(math.sqrt(factor))


@pytest.mark.parametrize(
    "call",
    [
        lambda: growth.growth_batch_norm("relu", gamma=0.0),
        lambda: growth.growth_batch_norm("relu", sigma_w=0.0),
        lambda: growth.growth_batch_norm("relu", sigma_b=-1.0),
        lambda: growth.growth_batch_norm("relu", position="none"),  # type: ignore[arg-type]
        lambda: growth.growth_batch_norm("swish"),  # type: ignore[arg-type]
        lambda: growth.growth_without_normalizer("relu", 0.0, 0.0, 1.0),
        lambda: growth.growth_finite_batch("relu", 3),
        lambda: growth.growth_finite_batch("tanh", 8),  # type: ignore[arg-type]
        lambda: growth.growth_recurrent_tanh(0.0),
        lambda: growth.growth_recurrent_tanh(1.0, -1.0),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        call()
