"""Variance shift through a network: Dropout → Linear and the chain of blocks, against PyTorch's own modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.theory.dropout import training_variance, weighted_eval_output_variance, weighted_variances
from bnviz.theory.variance_shift import Block, chained_ratios

SAMPLES = 200_000
# Relative: five standard errors √(2/n) of a variance, and room for kurtosis.
ERROR = 5 * (4 / SAMPLES) ** 0.5


def test_weighted_variances_are_those_of_dropout_and_linear() -> None:
    generator = np.random.default_rng(5)
    mixing = generator.normal(size=(4, 4))
    mean = np.array([0.5, -1.0, 2.0, 0.0])
    inputs = torch.from_numpy(generator.normal(size=(SAMPLES, 4)) @ mixing.T + mean)
    linear = nn.Linear(4, 3, bias=False, dtype=torch.float64)
    torch.manual_seed(6)
    with torch.no_grad():
        trained = linear(nn.Dropout(0.4)(inputs)).var(0).numpy()
        evaluated = linear(inputs).var(0).numpy()
    evaluation, training = weighted_variances(linear.weight.detach().numpy(), mean, mixing @ mixing.T, 0.4)
    np.testing.assert_allclose(evaluated, evaluation, rtol=ERROR)
    np.testing.assert_allclose(trained, training, rtol=ERROR)
    assert (training > 1.1 * evaluation).all()


def test_for_alike_inputs_they_are_lis_formula() -> None:
    weight, var, mean, correlation, p = np.array([[1.0, -2.0, 0.5]]), 1.7, 0.8, 0.3, 0.5
    covariance = var * (correlation + (1 - correlation) * np.eye(3))
    evaluation, training = weighted_variances(weight, np.full(3, mean), covariance, p)
    cosine = weight.sum() / np.sqrt(3 * (weight**2).sum())
    known = weighted_eval_output_variance(3, mean, var, correlation, cosine, p)
    assert (evaluation / training)[0] == pytest.approx(float(known))


def blocks_and_measured(p: float, samples: int = 20_000) -> tuple[list[Block], list[np.ndarray]]:
    """Two blocks of real modules on normal inputs, what training mode tells of them, and the variances in eval mode."""
    torch.manual_seed(7)
    layers = [
        [nn.Linear(i, o), nn.ReLU(), nn.Dropout(p), nn.BatchNorm1d(o, momentum=None)] for i, o in ((20, 60), (60, 60))
    ]
    with torch.no_grad():
        for linear, *_, norm in layers:
            nn.init.normal_(linear.weight, 0, (2 / linear.in_features) ** 0.5)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.3, 0.3)
        inputs = torch.randn(samples, 20)
        seen: list[list[torch.Tensor]] = []
        for _ in range(2):
            x, found = inputs, []
            for block in layers:
                clean = block[1](block[0](x))
                found.append(clean.double())
                x = block[3](block[2](clean))
            seen.append(found)
        measured, x = [], inputs
        for block in layers:
            norm = block[3].eval()
            clean = block[1](block[0](x))
            measured.append((clean.double().var(0) / (norm.running_var.double() + norm.eps)).numpy())
            x = norm(clean)
    blocks = []
    for (linear, _, _, norm), one, other in zip(layers, *seen, strict=True):
        a, b = one - one.mean(0), other - other.mean(0)
        parts = (linear.weight, linear.bias, norm.weight, norm.bias, one.mean(0), a.T @ a / samples, a.T @ b / samples)
        blocks.append(Block(*(part.detach().double().numpy()[None] for part in parts)))
    return blocks, measured


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_the_chain_predicts_eval_mode_from_training_mode(p: float) -> None:
    """First block: exact up to the masks (√(κ/2n) of a few percent per unit). Second: normal pre-activations, within a tenth."""
    blocks, measured = blocks_and_measured(p)
    first, second = chained_ratios(blocks, p)
    np.testing.assert_allclose(measured[0], first[0], rtol=0.15)
    assert measured[0].mean() == pytest.approx(first[0].mean(), rel=0.01)
    assert measured[1].mean() == pytest.approx(second[0].mean(), rel=0.05)
    alone = np.diagonal(blocks[1].covariance[0]) / training_variance(
        np.diagonal(blocks[1].covariance[0]), blocks[1].mean[0], p
    )
    assert measured[1].mean() < 0.85 * alone.mean()  # what arrives from the block before is no small matter


def test_without_dropout_nothing_shifts() -> None:
    blocks, measured = blocks_and_measured(0.0, 2000)
    for ratio, seen in zip(chained_ratios(blocks, 0.0), measured, strict=True):
        np.testing.assert_allclose(ratio, 1, rtol=2e-3)
        np.testing.assert_allclose(seen, 1, rtol=2e-3)


def test_impossible_rates() -> None:
    with pytest.raises(ValueError, match="must be"):
        weighted_variances(np.ones((1, 2)), np.zeros(2), np.eye(2), 1.0)
