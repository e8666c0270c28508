"""Variance shift: Dropout in front of a real BatchNorm, trained statistics against eval outputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.theory import dropout

SAMPLES = 400_000
# Five standard errors: one false alarm in 1.7 million comparisons, and the seeds are fixed.
ERRORS = 5.0


def variance_error(sample: torch.Tensor) -> float:
    """Relative standard error of a sample variance, from the sample's own kurtosis."""
    centred = sample - sample.mean()
    kurtosis = (centred**4).mean() / (centred**2).mean() ** 2
    return math.sqrt((kurtosis.item() - 1) / sample.numel())


def assert_shift(network: nn.Sequential, inputs: torch.Tensor, training_variance: float | None, ratio: float) -> None:
    """Two modes of one network that ends in a BatchNorm(1) averaging over all it sees."""
    batch_norm = network[-1]
    before = network[:-1]
    torch.manual_seed(71)
    noisy = before(inputs).detach()
    torch.manual_seed(71)
    network(inputs)
    clean = before.eval()(inputs).detach()
    error = ERRORS * (variance_error(noisy) + variance_error(clean))
    seen = network.eval()(inputs).var().item()
    assert seen == pytest.approx(ratio, rel=error)
    if training_variance is not None:
        assert batch_norm.running_var.item() == pytest.approx(training_variance, rel=ERRORS * variance_error(noisy))


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.8])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (2.0, 0.7)])
def test_dropout_then_batch_norm(p: float, mean: float, std: float) -> None:
    inputs = torch.from_numpy(np.random.default_rng(72).normal(mean, std, (SAMPLES, 1)))
    batch_norm = nn.BatchNorm1d(1, eps=1e-12, momentum=None, affine=False, dtype=torch.float64)
    training = float(dropout.training_variance(std**2, mean, p))
    ratio = float(dropout.eval_output_variance(std**2, mean, p))
    assert_shift(nn.Sequential(nn.Dropout(p), batch_norm), inputs, training, ratio)


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0, 1.0), (1.0, -2.0, 0.5, 0.3, 0.7)])
def test_with_a_weight_layer_between(p: float, correlation: float, weights: tuple[float, ...]) -> None:
    mean, std, count = 0.8, 1.3, len(weights)
    generator = np.random.default_rng(73)
    shared, own = generator.normal(size=(SAMPLES // 2, 1)), generator.normal(size=(SAMPLES // 2, count))
    inputs = mean + std * (math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own)
    linear = nn.Linear(count, 1, dtype=torch.float64)
    linear.weight.data.copy_(torch.tensor([weights]))
    batch_norm = nn.BatchNorm1d(1, eps=1e-12, momentum=None, affine=False, dtype=torch.float64)
    cosine = sum(weights) / math.sqrt(count * sum(w * w for w in weights))
    ratio = float(dropout.weighted_eval_output_variance(count, mean, std**2, correlation, cosine, p))
    assert_shift(nn.Sequential(nn.Dropout(p), linear, batch_norm), torch.from_numpy(inputs), None, ratio)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dropout.training_variance(-1.0, 0.0, 0.5),
        lambda: dropout.training_variance(1.0, 0.0, 1.0),
        lambda: dropout.eval_output_variance(0.0, 1.0, 0.5),
        lambda: dropout.weighted_eval_output_variance(0, 0.0, 1.0, 0.0, 1.0, 0.5),
        lambda: dropout.weighted_eval_output_variance(4, 0.0, 1.0, 0.0, 1.1, 0.5),
        lambda: dropout.weighted_eval_output_variance(4, 0.0, 1.0, -0.9, 1.0, 0.5),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        call()
