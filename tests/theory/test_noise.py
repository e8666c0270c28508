"""Noise of batch statistics: closed forms against real BatchNorm layers, channels as replicas."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from bnviz.theory import noise

Array = NDArray[np.float64]

CHANNELS = 20_000
# Five standard errors: one false alarm in 1.7 million comparisons, and the seeds are fixed.
ERRORS = 5.0
TINY_EPS = 1e-14


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def normalized(batch: torch.Tensor, eps: float = TINY_EPS) -> torch.Tensor:
    return nn.BatchNorm1d(batch.shape[1], eps=eps, affine=False, dtype=torch.float64)(batch)


def assert_mean(sample: Array, expected: float) -> None:
    assert abs(sample.mean() - expected) <= ERRORS * sample.std(ddof=1) / math.sqrt(sample.size)


def assert_std(sample: Array, expected: float) -> None:
    assert_mean((sample - sample.mean()) ** 2 * sample.size / (sample.size - 1), expected**2)


@pytest.mark.parametrize("m", [2, 3, 8, 32])
def test_fidelity_and_the_mean_batch_deviation(m: int) -> None:
    true = normal(22, m, CHANNELS)
    output = normalized(true)
    # x̂ and z both have variance 1, so their correlation is E[x̂z]; one independent value per channel.
    assert_mean((output * true).mean(dim=0).numpy(), math.sqrt(noise.fidelity(m)))
    assert_mean(true.std(dim=0, unbiased=False).numpy(), float(noise.batch_std_ratio(m)))


def test_fidelity_at_the_ends() -> None:
    assert noise.fidelity(2) == pytest.approx(1 / math.pi)
    m = np.array([64.0, 1024.0])
    np.testing.assert_allclose(m * (1 - noise.fidelity(m)), 1.5, rtol=1e-2)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_effective_batch_of_a_convolution(correlation: float) -> None:
    n, channels, side = 24, 4000, 3
    shared, own = normal(25, n, channels, 1, 1), normal(26, n, channels, side, side)
    layer = nn.BatchNorm2d(channels, momentum=1.0, dtype=torch.float64)
    layer(math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own)
    behind_mean = float(noise.effective_batch(n, side**2, correlation))
    assert_std(layer.running_mean.numpy(), 1 / math.sqrt(behind_mean))
    behind_var = float(noise.effective_batch(n, side**2, correlation**2))
    measured = layer.running_var.numpy().var()
    # Sampling: a variance over 4000 channels is known to 5·√(2/4000) = 11 %; the formula leaves out terms of order 1/n.
    assert measured == pytest.approx(2 / behind_var, rel=ERRORS * math.sqrt(2 / channels) + 1 / n)


@pytest.mark.parametrize("eps", [1e-5, 0.3, 1.0])
def test_output_variance(eps: float) -> None:
    batch = 0.4 * normal(27, 9, 5)
    biased = batch.var(dim=0, unbiased=False)
    seen = normalized(batch, eps).var(dim=0, unbiased=False)
    np.testing.assert_allclose(noise.output_variance(biased.numpy(), eps), seen.numpy(), rtol=1e-12)


@pytest.mark.parametrize("m", [2, 3, 6, 40])
def test_relu_after_a_small_batch(m: int) -> None:
    # One sample per channel: its batch-mates are not independent of it.
    activated = torch.relu(normalized(normal(29, m, CHANNELS)))[0].numpy()
    mean, variance = noise.relu_moments(m)
    assert_mean(activated, float(mean))
    assert_std(activated, math.sqrt(variance))


@pytest.mark.parametrize(
    "call",
    [
        lambda: noise.fidelity(1),
        lambda: noise.effective_batch(4, 9, -0.5),
        lambda: noise.effective_batch(4, 9, 1.5),
        lambda: noise.output_variance(-0.1),
        lambda: noise.output_variance(1.0, 0.0),
        lambda: noise.relu_moments(1),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        call()


@pytest.mark.parametrize("m", [2, 3, 10, 100])
def test_pooled_fidelity_of_independent_normal_values_is_fidelity(m: int) -> None:
    assert noise.pooled_fidelity(m, m - 1) == pytest.approx(noise.fidelity(m), rel=1e-12)


@pytest.mark.parametrize("freedom", [1.5, 4.0, 30.0])
def test_pooled_fidelity_is_the_squared_mean_root_of_a_scaled_chi_square(freedom: float) -> None:
    """With mean 1 − 1/M and as many degrees of freedom; by quadrature over its law."""
    expected = (1 - 1 / 50) * float(stats.gamma(freedom / 2, scale=2 / freedom).expect(np.sqrt)) ** 2
    assert noise.pooled_fidelity(50, freedom) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("size", "freedom"), [(0.5, 3), (10, 0)])
def test_pooled_fidelity_refuses_what_makes_no_sense(size: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        noise.pooled_fidelity(size, freedom)
