"""Running statistics: every closed form against a real `nn.BatchNorm1d`, replicas as channels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.theory import running
from bnviz.theory.running import Momentum

Array = NDArray[np.float64]

MOMENTUMS: list[Momentum] = [0.03, 0.3, 1.0, "cumulative"]
REPLICAS = 4000
# Five standard errors: one false alarm in 1.7 million comparisons, and the seeds are fixed.
ERRORS = 5.0


def batch_norm(momentum: Momentum, channels: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, momentum=running.pytorch_momentum(momentum), affine=False, dtype=torch.float64)


def recorded(momentum: Momentum, steps: int, draw: Callable[[], Array]) -> tuple[Array, Array]:
    """Running mean and variance (steps + 1, replicas) of a real layer fed with `steps` batches."""
    first = draw()
    layer = batch_norm(momentum, first.shape[1])
    means, variances = [], []
    for step in range(steps + 1):
        means.append(layer.running_mean.numpy().copy())
        variances.append(layer.running_var.numpy().copy())
        if step < steps:
            layer(torch.from_numpy(first if step == 0 else draw()))
    return np.array(means), np.array(variances)


def assert_mean(sample: Array, expected: float) -> None:
    error = sample.std(ddof=1) / math.sqrt(sample.size)
    assert abs(sample.mean() - expected) <= ERRORS * error + 1e-12


def assert_variance(sample: Array, expected: float) -> None:
    squares = (sample - sample.mean()) ** 2
    error = squares.std(ddof=1) / math.sqrt(sample.size)
    assert abs(sample.var(ddof=1) - expected) <= ERRORS * error + 1e-12


@pytest.mark.parametrize("momentum", MOMENTUMS)
@pytest.mark.parametrize("m", [2, 7])
def test_gaussian_input(momentum: Momentum, m: int) -> None:
    mean, std, steps = 3.0, 2.0, 30
    generator = np.random.default_rng(11)
    means, variances = recorded(momentum, steps, lambda: generator.normal(mean, std, (m, REPLICAS)))
    t = np.arange(steps + 1)
    expected_mean = running.expected_mean(momentum, t, mean)
    expected_var = running.expected_var(momentum, t, std**2)
    mean_variance = running.mean_variance(momentum, t, std**2, m)
    var_variance = running.var_variance(momentum, t, std**2, m)
    for step in (0, 1, 2, 6, steps):
        assert_mean(means[step], expected_mean[step])
        assert_mean(variances[step], expected_var[step])
        assert_variance(means[step], mean_variance[step])
        assert_variance(variances[step], var_variance[step])


@pytest.mark.parametrize("momentum", [0.2, "cumulative"])
def test_skewed_input_needs_its_kurtosis(momentum: Momentum) -> None:
    m, steps, excess_kurtosis = 6, 25, 6.0  # the exponential law
    generator = np.random.default_rng(12)
    _, variances = recorded(momentum, steps, lambda: generator.exponential(1.5, (m, REPLICAS)))
    assert_variance(variances[steps], float(running.var_variance(momentum, steps, 1.5**2, m, excess_kurtosis)))


@pytest.mark.parametrize("momentum", [0.25, "cumulative"])
def test_batches_drawn_without_replacement(momentum: Momentum) -> None:
    # Small, so that N − 1 and N differ by more than the error of a variance over the replicas, 5·√(2/4000) = 11 %.
    count, m, steps = 6, 4, 15
    population = np.random.default_rng(13).gamma(2.0, 1.0, count)
    generator = np.random.default_rng(14)

    def draw() -> Array:
        return population[np.argsort(generator.random((count, REPLICAS)), axis=0)[:m]]

    means, variances = recorded(momentum, steps, draw)
    var = float(population.var())
    assert_variance(means[steps], float(running.mean_variance(momentum, steps, var, m, population=count)))
    unbiased = running.unbiased_var(var, count)
    assert_mean(variances[steps], float(running.expected_var(momentum, steps, unbiased)))
    assert running.mean_variance(momentum, steps, var, count, population=count) == 0


@pytest.mark.parametrize("momentum", MOMENTUMS)
def test_weights_are_those_of_the_layer(momentum: Momentum) -> None:
    steps = 9
    batches = np.random.default_rng(15).normal(size=(steps, 4, 3))
    layer = batch_norm(momentum, 3)
    for batch in batches:
        layer(torch.from_numpy(batch))
    weights, left = running.batch_weights(momentum, steps), running.initial_weight(momentum, steps)
    np.testing.assert_allclose(layer.running_mean.numpy(), weights @ batches.mean(axis=1), atol=1e-13)
    np.testing.assert_allclose(layer.running_var.numpy(), weights @ batches.var(axis=1, ddof=1) + left, atol=1e-13)
    np.testing.assert_allclose(running.squared_weights(momentum, steps), np.sum(weights**2))
    np.testing.assert_allclose(np.sum(weights) + left, 1.0)


def test_steady_state() -> None:
    assert running.squared_weights(0.1, math.inf) == pytest.approx(0.1 / 1.9)
    assert running.squared_weights("cumulative", math.inf) == 0
    assert running.expected_mean(0.1, math.inf, 7.0) == 7.0
    assert running.var_variance(0.1, math.inf, 3.0, 5) == pytest.approx(0.1 / 1.9 * 2 * 9 / 4)


def constant_mean_batches(means: Array) -> torch.Tensor:
    """One batch of two per mean, (T, 2, 1): its mean is exact and its spread irrelevant here."""
    return torch.from_numpy(np.stack([means - 1.0, means + 1.0], axis=1)[..., None])


@pytest.mark.parametrize("momentum", MOMENTUMS)
def test_trajectory_and_drift_lag(momentum: Momentum) -> None:
    drift, steps = 0.5, 600
    truth = drift * np.arange(1, steps + 1)
    layer = batch_norm(momentum, 1)
    seen = [0.0]
    for batch in constant_mean_batches(truth):
        layer(batch)
        seen.append(layer.running_mean.item())
    np.testing.assert_allclose(running.expected_trajectory(momentum, truth, 0.0), seen, atol=1e-9)
    # 0.97^600 = 1e-8 of the start is left.
    assert truth[-1] - seen[-1] == pytest.approx(float(running.drift_lag(momentum, drift, steps)), abs=1e-5)


@pytest.mark.parametrize("momentum", [0.01, 0.1, 0.5, 0.9, 1.0, "cumulative"])
@pytest.mark.parametrize("p", [0.25, 0.05, 0.01])
def test_steps_to(momentum: Momentum, p: float) -> None:
    layer = batch_norm(momentum, 1)
    layer.running_mean.fill_(1.0)
    zero, count = torch.tensor([[-1.0], [1.0]], dtype=torch.float64), 0
    # 0.1² computed as a product is an ulp above 0.01.
    while layer.running_mean.item() > p * (1 + 1e-12):
        layer(zero)
        count += 1
    assert running.steps_to(momentum, p) == count


def test_whole_numbers_of_steps_are_not_rounded_up() -> None:
    """ln 0.7 / ln(1 − 0.3) comes out as 1.0000000000000002."""
    assert running.steps_to(0.3, 0.7) == running.steps_to(0.05, 0.95) == 1
    assert running.steps_to(0.5, 0.5**29) == 29


@pytest.mark.parametrize("momentum", [0.004, 0.1, 0.7])
def test_time_scales(momentum: float) -> None:
    assert running.initial_weight(momentum, running.half_life(momentum)) == pytest.approx(0.5)
    assert running.initial_weight(momentum, running.time_constant(momentum)) == pytest.approx(math.exp(-1))
    assert running.half_life(1.0) == running.time_constant(1.0) == 0


def test_keras_momentum_is_the_weight_of_the_old_value() -> None:
    for momentum in (0.01, 0.1, 1.0):
        layer, old, batch = batch_norm(momentum, 1), 0.4, torch.tensor([[1.0], [4.0]], dtype=torch.float64)
        layer.running_mean.fill_(old)
        layer(batch)
        keras = running.keras_momentum(momentum)
        assert layer.running_mean.item() == pytest.approx(keras * old + (1 - keras) * 2.5)


@pytest.mark.parametrize(("momentum", "steps"), [(0.05, 20), (0.05, 200), ("cumulative", 60)])
def test_error_of_eval_outputs(momentum: Momentum, steps: int) -> None:
    mean, std, m, eps = 1.5, 0.8, 16, 0.05
    generator = np.random.default_rng(17)
    layer = nn.BatchNorm1d(REPLICAS, momentum=running.pytorch_momentum(momentum), eps=eps, affine=False).double()
    for _ in range(steps):
        layer(torch.from_numpy(generator.normal(mean, std, (m, REPLICAS))))
    # The outputs are linear in the sample, so two points of the right mean and variance stand for all of them.
    points = torch.tensor([mean - std, mean + std], dtype=torch.float64)[:, None].expand(2, REPLICAS)
    truth = (points - mean) / math.sqrt(std**2 + eps)
    squares = ((layer.eval()(points) - truth) ** 2).mean(dim=0).numpy()
    bias = running.expected_mean(momentum, steps, mean) - mean
    expected_var = running.expected_var(momentum, steps, std**2)
    var_variance = running.var_variance(momentum, steps, std**2, m)
    found = running.eval_error(
        bias, running.mean_variance(momentum, steps, std**2, m), expected_var, var_variance, std**2, eps
    )
    # Left out: higher orders of the relative noise of the variance used, 3 of its square as Taylor's series goes on.
    left_out = 3 * float(var_variance / (expected_var + eps) ** 2)
    assert left_out < 0.02
    error = ERRORS * squares.std() / math.sqrt(REPLICAS) / squares.mean() + left_out
    assert float(found) ** 2 == pytest.approx(squares.mean(), rel=error)


@pytest.mark.parametrize("momentum", [0.1, 0.6, "cumulative"])
def test_one_module_shared_over_time_steps(momentum: Momentum) -> None:
    means = np.array([3.0, -1.0, 0.5, 8.0])
    layer = batch_norm(momentum, 1)
    for _ in range(80):
        for batch in constant_mean_batches(means):
            layer(batch)
    weights = running.shared_module_weights(momentum, 4)
    # 0.9^320 = 2e-15 of the start is left.
    assert layer.running_mean.item() == pytest.approx(float(weights @ means), abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: running.pytorch_momentum(0.0),
        lambda: running.pytorch_momentum(3),
        lambda: running.pytorch_momentum(math.nan),
        lambda: running.pytorch_momentum("plain"),  # type: ignore[arg-type]
        lambda: running.keras_momentum("cumulative"),
        lambda: running.half_life("cumulative"),
        lambda: running.initial_weight(0.1, -1),
        lambda: running.expected_var(0.1, 3, -1.0),
        lambda: running.expected_trajectory(0.1, [[1.0]], 0.0),
        lambda: running.mean_variance(0.1, 3, 1.0, 10, population=9),
        lambda: running.var_variance(0.1, 3, 1.0, 1),
        lambda: running.eval_error(0.0, 0.1, -1.0, 0.1, 1.0, 1e-5),
        lambda: running.steps_to(0.1, 1.0),
        lambda: running.steps_to(0.1, 0.0),
        lambda: running.drift_lag(0.1, 1.0, 0),
        lambda: running.unbiased_var(1.0, 1),
        lambda: running.shared_module_weights(0.1, 0),
    ],
)
def test_impossible_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|constant weight"):
        call()
