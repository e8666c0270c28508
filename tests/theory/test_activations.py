"""Activations and their normal moments: against torch.nn, autograd, adaptive quadrature and real batch norm."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from bnviz.theory import activations
from bnviz.theory.activations import ActivationName

NAMES: tuple[ActivationName, ...] = get_args(ActivationName)

MODULES: dict[str, nn.Module] = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
}
# Five standard errors: one false alarm in 1.7 million comparisons, and the seeds are fixed.
ERRORS = 5.0


def slopes(name: str, x: torch.Tensor) -> torch.Tensor:
    points = x.clone().requires_grad_()
    (MODULES[name](points) * 1.0).sum().backward()
    return points.grad


@pytest.mark.parametrize("name", NAMES)
def test_values_and_slopes_are_torchs(name: ActivationName) -> None:
    x = torch.linspace(-30, 30, 601, dtype=torch.float64)
    x[300] = 0.0  # the kink itself
    np.testing.assert_allclose(activations.activate(name, x.numpy()), MODULES[name](x).numpy(), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(activations.derivative(name, x.numpy()), slopes(name, x).numpy(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_exploding_input_gives_no_nan(name: ActivationName) -> None:
    """Mean-field lengths reach 1e54 in fifty ReLU layers; slopes are then those of the two ends."""
    far, end = np.array([-1e30, 1e30]), np.array([-200.0, 200.0])
    np.testing.assert_allclose(activations.derivative(name, far), activations.derivative(name, end), atol=1e-80)
    assert np.isfinite(activations.activate(name, far)).all()


@pytest.mark.parametrize("name", NAMES)
def test_largest_slope(name: ActivationName) -> None:
    x = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    # Between grid points 1e-4 apart a smooth maximum hides less than 1e-8.
    assert activations.derivative_maximum(name) == pytest.approx(slopes(name, x).abs().max().item(), abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fraction", [0.05, 0.3])
def test_saturated_intervals_hold_exactly_the_saturated_points(name: ActivationName, fraction: float) -> None:
    # An odd step keeps the grid off the ends of the intervals.
    x = torch.arange(-20, 20, 0.00137, dtype=torch.float64)
    threshold = activations.saturation_threshold(name, fraction)
    low = slopes(name, x).abs().numpy() < threshold
    inside = np.zeros(len(x), dtype=bool)
    for start, end in activations.saturated_intervals(name, fraction):
        inside |= (x.numpy() > start) & (x.numpy() < end)
    np.testing.assert_array_equal(inside, low)
    assert threshold == pytest.approx(fraction * slopes(name, torch.linspace(-5, 5, 9999)).abs().max().item(), rel=1e-5)


def test_known_saturation() -> None:
    assert activations.saturated_intervals("relu") == ((-math.inf, 0.0),)
    assert activations.saturated_intervals("identity") == ()
    (low, high) = activations.saturated_intervals("tanh")
    edge = math.atanh(math.sqrt(0.95))
    assert low == (-math.inf, pytest.approx(-edge))
    assert high == (pytest.approx(edge), math.inf)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("gamma", "beta"), [(1.0, 0.0), (0.2, 1.0), (-2.5, -1.5), (40.0, 3.0)])
def test_moments_against_adaptive_quadrature(name: ActivationName, gamma: float, beta: float) -> None:
    edges = sorted({-13.0, 13.0, *(x for u in (-8, -2, 0, 2, 8) if abs(x := (u - beta) / gamma) < 13)})

    def expect(function: Callable[[float], float]) -> float:
        def weighted(z: float) -> float:
            return function(gamma * z + beta) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

        pieces = itertools.pairwise(edges)
        return float(sum(quad(weighted, low, high, epsabs=1e-14, epsrel=1e-12)[0] for low, high in pieces))

    mean = expect(lambda x: float(activations.activate(name, x)))
    expected = (
        mean,
        expect(lambda x: float(activations.activate(name, x) - mean) ** 2),
        expect(lambda x: float(activations.activate(name, x)) ** 2),
        expect(lambda x: float(activations.derivative(name, x))),
        expect(lambda x: float(activations.derivative(name, x)) ** 2),
    )
    scalar = activations.moments_after(name, gamma, beta)
    found = (scalar.mean, scalar.variance, scalar.second_moment, scalar.mean_slope, scalar.mean_squared_slope)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    vector = activations.normal_moments(name, [0.5, gamma], beta)
    np.testing.assert_allclose([moment[1] for moment in vector], found, rtol=1e-12, atol=1e-15)
    second = activations.moments_after(name, gamma).second_moment
    assert activations.second_moment_after(name, gamma**2) == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("gamma", "beta"), [(1.0, 0.0), (1.7, -0.8)])
def test_moments_after_real_batch_norm(name: ActivationName, gamma: float, beta: float) -> None:
    layer = nn.BatchNorm1d(1, dtype=torch.float64)
    nn.init.constant_(layer.weight, gamma)
    nn.init.constant_(layer.bias, beta)
    raw = torch.from_numpy(np.random.default_rng(41).normal(3.0, 2.0, (200_000, 1)))
    received = layer(raw).detach()
    output, slope = MODULES[name](received).numpy().ravel(), slopes(name, received).numpy().ravel()
    moments = activations.moments_after(name, gamma, beta)
    for sample, expected in (
        (output, moments.mean),
        ((output - moments.mean) ** 2, moments.variance),
        (slope, moments.mean_slope),
        (slope**2, moments.mean_squared_slope),
    ):
        # 1e-5: eps over the variance; constant slopes have no sampling error at all.
        error = ERRORS * sample.std() / math.sqrt(sample.size)
        assert abs(sample.mean() - expected) <= error + 1e-5 * abs(expected)


def test_textbook_values() -> None:
    relu = activations.moments_after("relu")
    assert relu.mean == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-12)
    assert relu.variance == pytest.approx(0.5 - 1 / (2 * math.pi), rel=1e-12)
    assert relu.mean_squared_slope == pytest.approx(0.5, rel=1e-12)
    sigmoid, tanh = activations.moments_after("sigmoid"), activations.moments_after("tanh")
    assert (round(sigmoid.variance, 5), round(sigmoid.mean_slope, 5)) == (0.04338, 0.20662)
    assert (round(tanh.variance, 5), round(tanh.mean_slope, 5)) == (0.39429, 0.60571)


def test_narrow_and_wide_input() -> None:
    """Slopes of a step as narrow as 1e-4 and variances as small as 1e-8 keep their digits."""
    narrow = activations.moments_after("sigmoid", 1e4)
    # σ′² integrates to 1/6 over the line, and the density there is that of z = 0.
    assert narrow.mean_squared_slope == pytest.approx(1 / 6 / 1e4 / math.sqrt(2 * math.pi), rel=1e-7)
    small = activations.moments_after("sigmoid", 1e-3)
    assert small.variance == pytest.approx(1e-6 / 16, rel=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: activations.activate("softsign", 0.0),  # type: ignore[arg-type]
        lambda: activations.derivative("swish", 0.0),  # type: ignore[arg-type]
        lambda: activations.moments_after("none"),  # type: ignore[arg-type]
        lambda: activations.normal_moments("none"),  # type: ignore[arg-type]
        lambda: activations.second_moment_after("relu", 0.0),
        lambda: activations.saturation_threshold("relu", 1.5),
        lambda: activations.saturated_intervals("relu", -0.1),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        call()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_saturated_share_is_the_share_of_normal_values(name: ActivationName, scale: float) -> None:
    values = scale * np.random.default_rng(1).normal(size=400_000)
    found = np.abs(activations.derivative(name, values)) < activations.saturation_threshold(name)
    # Five standard errors of a share of 400 000.
    share = float(activations.saturated_share(name, scale))
    assert abs(found.mean() - share) < 5 * math.sqrt(max(share * (1 - share), 1e-6) / 400_000)


def test_saturated_share_at_its_ends() -> None:
    assert activations.saturated_share("identity", 2.0) == 0
    np.testing.assert_array_equal(activations.saturated_share("tanh", [0.0, 0.0]), 0)
    assert activations.saturated_share("relu", 0.0) == 1  # all at the kink, where PyTorch's slope is 0
    assert activations.saturated_share("tanh", 1e9) == pytest.approx(1)
    with pytest.raises(ValueError, match="scale"):
        activations.saturated_share("tanh", -1.0)
