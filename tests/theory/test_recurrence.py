"""Padding and the tanh cell against plain arrays and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bnviz.theory.growth import growth_recurrent_tanh
from bnviz.theory.recurrence import padded_mean, padded_var, recurrent_tanh_factors


@pytest.mark.parametrize("pad", [0.0, -1.5])
def test_padded_moments_are_those_of_the_padded_array(pad: float) -> None:
    real = np.random.default_rng(0).normal(0.7, 1.3, 30)
    padded = np.append(real, np.full(20, pad))
    assert padded_mean(real.mean(), 0.4, pad) == pytest.approx(padded.mean(), abs=1e-12)
    assert padded_var(real.mean(), real.var(), 0.4, pad) == pytest.approx(padded.var(), abs=1e-12)


def test_all_or_nothing_padded() -> None:
    assert padded_var(3.0, 2.0, 0.0) == 2.0
    assert padded_mean(3.0, 1.0, 0.5) == 0.5
    assert padded_var(3.0, 2.0, 1.0) == 0.0
    with pytest.raises(ValueError, match="share"):
        padded_mean(1.0, 1.1)
    with pytest.raises(ValueError, match="var"):
        padded_var(1.0, -1.0, 0.5)


@pytest.mark.parametrize("gamma", [0.1, 1.0, 3.0, -1.0])
def test_in_the_long_run_it_is_the_growth_of_the_cell(gamma: float) -> None:
    factors = recurrent_tanh_factors(gamma, np.full(6, gamma**2))
    np.testing.assert_allclose(factors[1:], growth_recurrent_tanh(gamma, gamma**2) ** 2, rtol=1e-9)
    assert factors[0] > factors[1]


def test_autograd_agrees_step_by_step() -> None:
    """A wide cell on inputs that vary in all directions, batch norm per step by hand, input of its own variance at each step.

    1024 units and 512 samples: scatter of about 1 %, and the finite batch adds (B − 2)/(B − 3); 4 % are allowed.
    """
    width, batch, gamma = 1024, 512, 0.8
    scales = np.array([1.0, 0.5, 0.0, 2.0, 1.0])
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(width, width, generator=generator, dtype=torch.float64) / width**0.5
    states: list[torch.Tensor] = []
    for scale in scales:
        u = torch.tensor(scale) * torch.randn(batch, width, generator=generator, dtype=torch.float64)
        z = u
        if states:
            a = states[-1] @ weight
            z = u + gamma * (a - a.mean(0)) / (a.var(0, unbiased=False) + 1e-9).sqrt()
        states.append(torch.tanh(z if states else u.requires_grad_()))
    head = torch.randn(batch, width, generator=generator, dtype=torch.float64)
    gradients = torch.autograd.grad((states[-1] * head).sum(), states)
    squares = np.array([float(gradient.square().mean()) for gradient in gradients])
    np.testing.assert_allclose(squares[:-1] / squares[1:], recurrent_tanh_factors(gamma, scales**2), rtol=0.04)


def test_a_constant_step_has_no_factor_and_nonsense_is_refused() -> None:
    assert np.isnan(recurrent_tanh_factors(1.0, [0.0, 1.0])[0])
    with pytest.raises(ValueError, match="input_vars"):
        recurrent_tanh_factors(1.0, [-1.0])
    with pytest.raises(ValueError, match="shape"):
        recurrent_tanh_factors(1.0, [[1.0]])
