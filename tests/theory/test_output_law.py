"""Laws of one normalized output: against real BatchNorm outputs (Kolmogorov–Smirnov) and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from torch import nn

from bnviz.theory import output_law

Array = NDArray[np.float64]

CHANNELS = 40_000
# P(√n·D > 2.2) <= 2·exp(−2·2.2²) = 1.3e-4 for a right law (Dvoretzky–Kiefer–Wolfowitz); the seeds are fixed.
KS_LIMIT = 2.2
# Five standard errors: one false alarm in 1.7 million comparisons.
ERRORS = 5.0


def first_outputs(m: int, seed: int, first: float | None = None) -> Array:
    """x̂ of the first sample, one independent value per channel; that sample is `first` or Gaussian like its mates."""
    batch = torch.from_numpy(np.random.default_rng(seed).normal(size=(m, CHANNELS)))
    if first is not None:
        batch[0] = first
    layer = nn.BatchNorm1d(CHANNELS, eps=1e-14, affine=False, dtype=torch.float64)
    return layer(batch)[0].numpy()


def ks_distance(sample: Array, cdf: Callable[[Array], Array]) -> float:
    ordered = np.sort(sample)
    steps = np.arange(ordered.size + 1) / ordered.size
    expected = cdf(ordered)
    return float(max(np.max(steps[1:] - expected), np.max(expected - steps[:-1])) * math.sqrt(ordered.size))


def assert_mean(sample: Array, expected: float) -> None:
    assert abs(sample.mean() - expected) <= ERRORS * sample.std(ddof=1) / math.sqrt(sample.size)


@pytest.mark.parametrize("m", [3, 4, 5, 20, 200])
def test_law_of_one_output(m: int) -> None:
    outputs = first_outputs(m, 31)
    assert ks_distance(outputs, lambda x: output_law.output_cdf(x, m)) < KS_LIMIT
    assert_mean(outputs**4, float(output_law.output_fourth_moment(m)))


def test_law_of_one_output_of_two() -> None:
    outputs = first_outputs(2, 32)
    np.testing.assert_allclose(np.abs(outputs), 1.0, rtol=1e-4)
    np.testing.assert_allclose(output_law.output_cdf([-1.1, -1.0, 0.0, 0.9, 1.0, 2.0], 2), [0, 0.5, 0.5, 0.5, 1, 1])
    assert_mean((outputs > 0).astype(float), 0.5)


def test_arcsine_and_uniform_law() -> None:
    x = np.linspace(-1.4, 1.4, 9)
    np.testing.assert_allclose(output_law.output_pdf(x, 3), 1 / (math.pi * np.sqrt(2 - x**2)))
    np.testing.assert_allclose(output_law.output_pdf(x, 4), 1 / (2 * math.sqrt(3)))
    np.testing.assert_array_equal(output_law.output_pdf([-2.0, 2.0], 4), 0)


@pytest.mark.parametrize("m", [2, 5, 33])
def test_bound_is_reached_and_never_passed(m: int) -> None:
    batch = torch.zeros(m, 1, dtype=torch.float64)
    batch[0] = 1e3
    largest = nn.BatchNorm1d(1, dtype=torch.float64)(batch).max().item()
    assert largest == pytest.approx(float(output_law.output_bound(m)), rel=1e-6)
    assert np.abs(first_outputs(m, 33, first=7.0)).max() <= output_law.output_bound(m)


FIXED = [(3, 0.0), (3, 1.5), (4, -0.7), (8, 2.0), (32, -1.0), (32, 4.0), (256, 0.5)]


@pytest.mark.parametrize(("m", "z"), FIXED)
def test_law_of_a_fixed_sample(m: int, z: float) -> None:
    outputs = first_outputs(m, 34, first=z)
    assert ks_distance(outputs, lambda x: output_law.fixed_sample_cdf(x, z, m)) < KS_LIMIT
    mean, std = output_law.fixed_sample_moments(z, m)
    assert_mean(outputs, float(mean))
    assert_mean((outputs - float(mean)) ** 2, float(std) ** 2)


@pytest.mark.parametrize(("m", "z"), [*FIXED, (1024, 3.0)])
def test_densities_are_derivatives(m: int, z: float) -> None:
    bound = math.sqrt(m - 1)
    low, high = max(z - 1.0, -0.99 * bound), min(z + 0.3, 0.99 * bound)
    if low >= high:
        low, high = 0.5 * bound, 0.99 * bound
    pairs = (
        (lambda x: output_law.output_pdf(x, m), lambda x: output_law.output_cdf(x, m)),
        (lambda x: output_law.fixed_sample_pdf(x, z, m), lambda x: output_law.fixed_sample_cdf(x, z, m)),
    )
    for pdf, cdf in pairs:
        area, _ = quad(pdf, low, high, epsabs=1e-12, limit=200)
        assert area == pytest.approx(float(cdf(high) - cdf(low)), abs=1e-9)


@pytest.mark.parametrize("m", [3, 4, 10, 100])
@pytest.mark.parametrize("x", [-1.3, 0.0, 0.4, 1.35])
def test_fixed_samples_mix_to_the_law_of_any_sample(m: int, x: float) -> None:
    """A Gaussian z averaged over gives back `output_cdf`: two independent derivations."""
    z = np.linspace(-9, 9, 4001)
    mixed = np.sum(np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * output_law.fixed_sample_cdf(x, z, m)) * (z[1] - z[0])
    assert mixed == pytest.approx(float(output_law.output_cdf(x, m)), abs=1e-9)


@pytest.mark.parametrize("m", [3, 4, 5, 32, 1024, 65536])
def test_nothing_overflows(m: int) -> None:
    bound = math.sqrt(m - 1)
    x = np.concatenate([np.linspace(-0.999, 0.999, 41) * bound, [-2 * bound, 2 * bound]])[:, None]
    z = np.array([-8.0, -1.0, 0.0, 3.0, 30.0])
    pdf, cdf = output_law.fixed_sample_pdf(x, z, m), output_law.fixed_sample_cdf(x, z, m)
    assert np.isfinite(pdf).all()
    assert (pdf >= 0).all()
    assert ((cdf >= 0) & (cdf <= 1)).all()
    assert (np.diff(cdf[:41], axis=0) >= -1e-12).all()
    np.testing.assert_array_equal(cdf[-2:], [[0.0] * 5, [1.0] * 5])
    assert np.isfinite(output_law.fixed_sample_moments(z, m)).all()


def test_delta_method_comes_near_the_exact_deviation() -> None:
    z = np.array([-3.0, -1.0, 0.0, 2.0])
    for m, tolerance in ((32, 0.04), (128, 0.005), (1024, 0.001)):
        exact = output_law.fixed_sample_moments(z, m)[1]
        np.testing.assert_allclose(output_law.fixed_sample_std_estimate(z, m), exact, rtol=tolerance)


@pytest.mark.parametrize(
    "call",
    [
        lambda: output_law.output_bound(0),
        lambda: output_law.output_pdf(0.0, 2),
        lambda: output_law.output_cdf(0.0, 1),
        lambda: output_law.fixed_sample_pdf(0.0, 0.0, 2),
        lambda: output_law.fixed_sample_cdf(0.0, 0.0, 2),
        lambda: output_law.fixed_sample_moments(0.0, 2),
        lambda: output_law.fixed_sample_std_estimate(0.0, 31),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="m must be at least"):
        call()
