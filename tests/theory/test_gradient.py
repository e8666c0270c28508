"""Mean-field predictions against autograd through real, wide networks of nn.Linear, normalizer and activation.

A network is one draw: its mean squares fluctuate by a few per cent. So every comparison is of logarithms averaged over
independent networks, with the standard error measured over those networks, plus the terms of order 1/width and 1/batch
that mean-field theory leaves out by construction.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.theory import gradient
from bnviz.theory.activations import ActivationName, moments_after
from bnviz.theory.gradient import NormalizedNetwork

Array = NDArray[np.float64]

WIDTH, BATCH, DEPTH, NETWORKS = 384, 192, 6, 20
# With the standard error itself estimated from 20 networks, 5 of them are passed by chance once in 12 000 times.
ERRORS = 5.0
# Relative corrections per layer: the projection of BN's backward pass is 2/batch, finite width about as much.
LEFT_OUT = 3.0 / BATCH + 2.0 / WIDTH

MODULES: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


@dataclass(frozen=True)
class Measured:
    """Per network and layer, (NETWORKS, DEPTH): mean squares of pre-activations and gradients, variance by unit."""

    lengths: Array
    variances: Array
    gradients: Array


def linear(sigma_w2: float, sigma_b2: float, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(WIDTH, WIDTH)
    nn.init.normal_(layer.weight, std=math.sqrt(sigma_w2 / WIDTH), generator=generator)
    nn.init.normal_(layer.bias, std=math.sqrt(sigma_b2), generator=generator)
    return layer


def measure(
    activation: str,
    sigma_w2: float,
    sigma_b2: float,
    normalizer: Callable[[], nn.Module] = nn.Identity,
    after: bool = False,
) -> Measured:
    rows: list[Array] = []
    for network in range(NETWORKS):
        generator = torch.Generator().manual_seed(80 + network)
        signal = torch.randn(BATCH, WIDTH, generator=generator)
        seen: list[torch.Tensor] = []
        for layer in range(DEPTH):
            signal = linear(sigma_w2, sigma_b2, generator)(signal)
            signal.retain_grad()
            seen.append(signal)
            if layer < DEPTH - 1:
                phi = MODULES[activation]()
                signal = normalizer()(phi(signal)) if after else phi(normalizer()(signal))
        signal.backward(torch.randn(BATCH, WIDTH, generator=generator))
        lengths = [h.square().mean().item() for h in seen]
        variances = [h.var(dim=0, unbiased=False).mean().item() for h in seen]
        rows.append(np.array([lengths, variances, [h.grad.square().mean().item() for h in seen]]))
    return Measured(*np.array(rows).transpose(1, 0, 2))


def assert_agrees(
    measured: Array, predicted: Array, left_out: float | Array = LEFT_OUT, largest_error: float = 0.05
) -> None:
    """Logarithms of positive quantities, (networks, ...) against (...). Were the error large, anything would agree."""
    logs = np.log(measured)
    error = logs.std(axis=0, ddof=1) / math.sqrt(len(logs))
    assert np.max(error) < largest_error
    gap = np.abs(logs.mean(axis=0) - np.log(predicted))
    assert np.all(gap <= ERRORS * error + left_out), (gap, error, left_out)


def factors_of(measured: Measured) -> Array:
    return measured.gradients[:, :-1] / measured.gradients[:, 1:]


def growth_of(measured: Measured) -> Array:
    return (measured.gradients[:, 0] / measured.gradients[:, -1]) ** (0.5 / (DEPTH - 1))


def assert_growth_agrees(measured: Measured, factors: Array) -> None:
    """The mean over layers fluctuates far less than one layer's factor: this is the sharp comparison."""
    assert_agrees(growth_of(measured), np.array(gradient.growth_per_layer(factors)), LEFT_OUT / 2, largest_error=0.006)


def test_linear_default() -> None:
    torch.manual_seed(81)
    layers = [nn.Linear(60, 500) for _ in range(10)]
    expected = gradient.linear_default_variances(60)
    weights = torch.cat([layer.weight.flatten() for layer in layers])
    biases = torch.cat([layer.bias for layer in layers])
    # The variance of n uniform draws has a relative standard error of √(0.8/n).
    assert 60 * weights.var().item() == pytest.approx(expected.sigma_w2, rel=ERRORS * math.sqrt(0.8 / len(weights)))
    assert biases.var().item() == pytest.approx(expected.sigma_b2, rel=ERRORS * math.sqrt(0.8 / len(biases)))


@pytest.mark.parametrize(
    ("activation", "sigma_w2", "sigma_b2"),
    [("sigmoid", 1 / 3, 1e-3), ("tanh", 2.25, 0.05), ("relu", 2.0, 0.0), ("gelu", 1.5, 0.1), ("elu", 1.0, 0.0)],
)
def test_without_normalizer(activation: ActivationName, sigma_w2: float, sigma_b2: float) -> None:
    measured = measure(activation, sigma_w2, sigma_b2)
    q0 = gradient.first_length(1.0, sigma_w2, sigma_b2)
    lengths = gradient.mean_field_lengths(activation, sigma_w2, sigma_b2, q0, DEPTH)
    # What one layer leaves out, the next ones inherit.
    assert_agrees(measured.lengths, lengths, LEFT_OUT * np.arange(1, DEPTH + 1))
    factors = gradient.backward_factors(activation, sigma_w2, lengths[:-1])
    assert_agrees(factors_of(measured), factors)
    assert_growth_agrees(measured, factors)


NORMALIZED = [
    NormalizedNetwork("relu"),
    NormalizedNetwork("relu", sigma_w2=0.3, gamma=1.5, beta=0.6, sigma_b2=0.4),
    NormalizedNetwork("sigmoid", sigma_w2=1 / 3, gamma=2.0),
    NormalizedNetwork("tanh", sigma_w2=0.01, eps=3e-3, gamma=-0.8),
    NormalizedNetwork("gelu", position="after", sigma_w2=1.4),
    NormalizedNetwork("relu", position="after", gamma=0.7, beta=0.2, sigma_b2=0.04),
    NormalizedNetwork("sigmoid", position="after", sigma_w2=1 / 3, sigma_b2=0.01, eps=1e-2),
    NormalizedNetwork("silu", "layer", gamma=1.3, beta=-0.4, sigma_b2=0.1),
    NormalizedNetwork("sigmoid", "layer", position="after", gamma=0.8, beta=0.3, sigma_w2=0.5, sigma_b2=0.1, eps=1e-2),
]


@pytest.mark.parametrize("network", NORMALIZED, ids=lambda n: f"{n.activation}-{n.normalizer}-{n.position}-{n.gamma}")
def test_with_normalizer(network: NormalizedNetwork) -> None:
    def normalizer() -> nn.Module:
        module = nn.BatchNorm1d if network.normalizer == "batch" else nn.LayerNorm
        layer = module(WIDTH, eps=network.eps)
        nn.init.constant_(layer.weight, network.gamma)
        nn.init.constant_(layer.bias, network.beta)
        return layer

    measured = measure(network.activation, network.sigma_w2, network.sigma_b2, normalizer, network.position == "after")
    lengths = gradient.normalized_lengths(network, DEPTH, variance=network.sigma_w2, offset=network.sigma_b2)
    # Offsets are few numbers, one per unit, and fluctuate: their sum with the variance is what is compared.
    inherited = LEFT_OUT * np.arange(1, DEPTH + 1)
    if network.normalizer == "batch":
        assert_agrees(measured.variances, lengths.variance, inherited)
    assert_agrees(measured.lengths, lengths.variance + lengths.offset, inherited)
    factors = gradient.normalized_factors(network, lengths)[:-1]
    assert_agrees(factors_of(measured), factors)
    assert_growth_agrees(measured, factors)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_absolute_gradients_of_a_default_classifier(activation: ActivationName) -> None:
    """No anchor: the RMS gradient at every layer from the loss alone, nn.Linear's own initialization."""
    width, depth, classes, batch = 256, 5, 10, 64
    variances = gradient.linear_default_variances(width)
    q0 = gradient.first_length(1.0, *variances)
    lengths = gradient.mean_field_lengths(activation, *variances, q0, depth)
    factors = gradient.backward_factors(activation, variances.sigma_w2, lengths)
    last = gradient.softmax_gradient_rms(classes, batch) * math.sqrt(factors[-1] * classes / width)
    rms = []
    for seed in range(20):
        torch.manual_seed(seed)
        signal, seen = torch.randn(batch, width), []
        for _ in range(depth):
            signal = nn.Linear(width, width)(signal)
            signal.retain_grad()
            seen.append(signal)
            signal = MODULES[activation]()(signal)
        loss = nn.functional.cross_entropy(nn.Linear(width, classes)(signal), torch.randint(classes, (batch,)))
        loss.backward()
        rms.append([h.grad.square().mean().sqrt().item() for h in seen])
    # The logits are not quite equal: a variance of E[φ²]/3 < 0.1 between them shifts p = 1/K, in norm by under 1 %.
    assert_agrees(np.array(rms), gradient.gradient_rms(factors[:-1], last), 0.01 + LEFT_OUT)


def test_gradient_rms_multiplies_from_the_last_layer() -> None:
    np.testing.assert_allclose(gradient.gradient_rms([4.0, 0.25, 9.0], 2.0), [6.0, 3.0, 6.0, 2.0])
    np.testing.assert_allclose(gradient.gradient_rms([], 2.0), [2.0])
    assert gradient.growth_per_layer([4.0, 0.25, 9.0]) == pytest.approx(9.0 ** (1 / 6))
    assert gradient.growth_per_layer([]) == 1
    assert gradient.growth_per_layer([4.0, 0.0]) == 0


def test_fifty_layers_stay_finite() -> None:
    lengths = gradient.mean_field_lengths("relu", 25.0, 0.0, 1.0, 50)
    np.testing.assert_allclose(lengths[-1], 12.5**49, rtol=1e-10)
    np.testing.assert_allclose(gradient.backward_factors("relu", 25.0, lengths), 12.5, rtol=1e-10)
    np.testing.assert_allclose(gradient.backward_factors("gelu", 25.0, lengths)[-1], 12.5, rtol=1e-6)


def test_without_gamma_nothing_flows_back() -> None:
    network = NormalizedNetwork("relu", gamma=0.0, beta=1.0)
    lengths = gradient.normalized_lengths(network, 3, 1.0)
    np.testing.assert_array_equal(gradient.normalized_factors(network, lengths), 0)


def test_weight_scale_in_front_of_batch_norm_changes_nothing() -> None:
    def factors(sigma_w2: float) -> Array:
        network = NormalizedNetwork("sigmoid", sigma_w2=sigma_w2, eps=0.0)
        return gradient.normalized_factors(network, gradient.normalized_lengths(network, 4, sigma_w2))[1:]

    np.testing.assert_allclose(factors(0.01), factors(9.0), rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: gradient.linear_default_variances(0),
        lambda: gradient.first_length(-1.0, 1.0, 0.0),
        lambda: gradient.mean_field_lengths("relu", 1.0, 0.0, 1.0, 0),
        lambda: gradient.mean_field_lengths("relu", 1.0, -0.1, 1.0, 3),
        lambda: gradient.mean_field_lengths("relu", 1.0, 0.0, 0.0, 3),
        lambda: gradient.mean_field_lengths("swish", 1.0, 0.0, 1.0, 3),  # type: ignore[arg-type]
        lambda: gradient.backward_factors("relu", 0.0, [1.0]),
        lambda: gradient.backward_factors("relu", 1.0, [-1.0]),
        lambda: NormalizedNetwork("relu", "instance"),  # type: ignore[arg-type]
        lambda: NormalizedNetwork("relu", position="none"),  # type: ignore[arg-type]
        lambda: NormalizedNetwork("relu", eps=-1.0),
        lambda: NormalizedNetwork("relu", sigma_w2=0.0),
        lambda: gradient.normalized_lengths(NormalizedNetwork("relu"), 3, 0.0),
        lambda: gradient.normalized_factors(
            NormalizedNetwork("relu", gamma=0.0, eps=0.0), gradient.Lengths(np.ones(2), np.zeros(2))
        ),
        lambda: gradient.softmax_gradient_rms(1, 4),
        lambda: gradient.gradient_rms([-1.0]),
        lambda: gradient.growth_per_layer([-1.0]),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must"):
        call()


@pytest.mark.parametrize("normalizer", ["batch", "layer"])
def test_factors_at_the_input_of_the_activation_telescope(normalizer: Literal["batch", "layer"]) -> None:
    """From h to z the squared gradient is multiplied by (s + ε)/γ², s what the normalizer divides by: over all layers
    only the two ends of that remain."""
    network = NormalizedNetwork("tanh", normalizer, gamma=1.7, sigma_w2=0.5, sigma_b2=0.2, eps=0.3)
    lengths = gradient.normalized_lengths(network, 16, 2.0, 0.4)
    spread = lengths.variance + (lengths.offset if normalizer == "layer" else 0) + 0.3
    at_h, at_z = gradient.normalized_factors(network, lengths)[:-1], gradient.activation_input_factors(network, lengths)
    assert at_z.shape == (15,)
    np.testing.assert_allclose(np.prod(at_z), np.prod(at_h) * spread[0] / spread[-1], rtol=1e-12)
    np.testing.assert_allclose(at_z[-2:], at_h[-2:], rtol=1e-3)  # the spread has settled
    assert abs(at_z[0] / at_h[0] - 1) > 0.5


def test_after_the_activation_its_input_is_what_the_layer_hands_on() -> None:
    network = NormalizedNetwork("relu", position="after", sigma_w2=2.0)
    lengths = gradient.normalized_lengths(network, 4, 2.0)
    expected = gradient.normalized_factors(network, lengths)[:-1]
    np.testing.assert_array_equal(gradient.activation_input_factors(network, lengths), expected)


@pytest.mark.parametrize("gamma", [0.0, 1e-200])
def test_after_the_activation_a_gamma_of_0_hands_on_nothing_but_the_bias(gamma: float) -> None:
    """With γ = 0 (or one whose square is 0) the second layer's units are constant: what is left of the slope is at their offsets."""
    network = NormalizedNetwork("tanh", position="after", gamma=gamma, beta=0.5, sigma_w2=1.0, sigma_b2=0.3, eps=1e-5)
    lengths = gradient.normalized_lengths(network, 3, 2.0)
    np.testing.assert_allclose(lengths.variance[1:], 0)
    np.testing.assert_allclose(lengths.offset[1:], 0.25 + 0.3)
    assert np.isfinite(gradient.normalized_factors(network, lengths)).all()
    divisor, slope = gradient.offset_units(network, 0.0, math.sqrt(0.55))
    expected = moments_after("tanh", math.sqrt(0.55)).mean_squared_slope / 1e-5
    assert divisor == pytest.approx(0, abs=1e-20)
    assert slope == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
def test_channels_with_gamma_and_beta_of_their_own(activation: ActivationName) -> None:
    """Two batch norms with another γ, β in each channel, another width, and weights whose rows differ in scale."""
    wide, eps = 2 * WIDTH, 1e-2
    measured, predicted = [], []
    for network in range(NETWORKS):
        generator = torch.Generator().manual_seed(140 + network)
        first, second = nn.BatchNorm1d(WIDTH, eps=eps), nn.BatchNorm1d(wide, eps=eps)
        for norm in (first, second):
            nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(norm.bias, std=0.5, generator=generator)
        layer = linear(1.0, 0.1, generator)
        scales = torch.rand(wide, 1, generator=generator) + 0.05
        layer.weight = nn.Parameter(scales * torch.randn(wide, WIDTH, generator=generator) / math.sqrt(WIDTH))
        layer.bias = nn.Parameter(torch.randn(wide, generator=generator))
        y = first(torch.randn(BATCH, WIDTH, generator=generator))
        y.retain_grad()
        hidden = layer(MODULES[activation]()(y))
        following = second(hidden)
        gradient_behind = torch.randn(BATCH, wide, generator=generator)
        following.backward(gradient_behind)
        measured.append(float(y.grad.square().sum() / gradient_behind.square().sum()))
        variance = hidden.detach().var(dim=0, unbiased=False)
        gamma = (second.weight.detach() * (variance / (variance + eps)).sqrt()).numpy()
        predicted.append(gradient.channel_factor(activation, first.weight.detach(), first.bias.detach(), gamma))
    assert_agrees(np.array(measured) / np.array(predicted), np.array(1.0))


def test_with_one_gamma_the_channels_give_the_factor_of_the_layer() -> None:
    network = NormalizedNetwork("silu", gamma=1.3, beta=-0.4, sigma_w2=0.7, eps=0.05)
    lengths = gradient.normalized_lengths(network, 12, 0.7)
    variance = lengths.variance[-1]
    gamma = np.full(5, 1.3 * math.sqrt(variance / (variance + 0.05)))
    expected = gradient.activation_input_factors(network, lengths)[-1]
    assert gradient.channel_factor("silu", gamma, np.full(5, -0.4), gamma[:3]) == pytest.approx(expected, rel=1e-6)
    assert gradient.channel_factor("relu", 1.0, 0.0, 1.0) == pytest.approx(math.pi / (math.pi - 1))


def test_a_constant_hands_back_no_factor() -> None:
    assert math.isnan(gradient.channel_factor("relu", [0.0, 0.0], [1.0, 2.0], [1.0]))
