"""Quantiles and fidelity against SciPy and the theory that needs it."""

from __future__ import annotations

import pytest
from scipy import stats

from bnviz.inspect.sampling import fidelity, normal_quantile, shared_out, t_quantile, variance_ratio
from bnviz.theory import noise


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 7, 31, 500, 1e7])
@pytest.mark.parametrize("tail", [0.5, 0.05, 1e-4, 1e-8, 1e-12])
def test_quantiles_are_those_of_scipy(degrees: float, tail: float) -> None:
    assert t_quantile(tail, degrees) == pytest.approx(stats.t.isf(tail / 2, degrees), rel=1e-2)
    assert normal_quantile(tail) == pytest.approx(stats.norm.isf(tail / 2), rel=1e-9)


@pytest.mark.parametrize(("degrees", "below"), [(2, 60), (10, 300), (40, 600), (63, 20_000)])
@pytest.mark.parametrize("tail", [1e-2, 1e-4, 1e-5])
def test_the_bound_of_a_variance_ratio_is_one_and_not_far_off(tail: float, degrees: float, below: float) -> None:
    bound = variance_ratio(tail, degrees, below)
    assert stats.f.sf(bound, degrees, below) <= tail
    assert bound < 3 * stats.f.isf(tail, degrees, below)


@pytest.mark.parametrize("n", [2, 3, 8, 33, 1000])
def test_fidelity_is_that_of_the_theory(n: int) -> None:
    assert fidelity(n) == pytest.approx(float(noise.fidelity(n)), rel=1e-12)


def test_a_bound_is_shared_out_among_the_looks() -> None:
    assert shared_out(50) * 50 == pytest.approx(shared_out(1))
