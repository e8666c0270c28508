"""The topic `shift` of the lab `noise` against plain PyTorch and the closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_layers import StackedDropout
from bnviz.core.replica_networks import build_replicas
from bnviz.errors import CostError
from bnviz.labs.noise.shared.variance_shift import measure_shift, network_plan
from bnviz.labs.noise.shift.experiment import measure_fresh, run
from bnviz.labs.noise.shift.pure import MEANS, RATES, measure_pure
from bnviz.labs.noise.shift.result import IMAGES, NETWORKS, Result
from bnviz.labs.noise.shift.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 24}


@pytest.fixture(scope="module")
def default() -> Result:
    return run(Settings())


def test_shapes_are_as_declared(default: Result) -> None:
    assert default.shift.ratio.shape == default.shift.ratio_theory.shape == (3,)
    assert np.isfinite(default.shift.ratio).all()
    assert np.isfinite(default.shift.ratio_theory).all()


def test_the_same_settings_give_the_same_numbers(default: Result) -> None:
    again = run(Settings())
    np.testing.assert_array_equal(default.shift.ratio, again.shift.ratio)
    np.testing.assert_array_equal(default.pure.variance, again.pure.variance)


@pytest.mark.parametrize("changes", [{"dropout": 0.2}, {"order": "none"}, {"depth": 3}, {"width": 32}, {"seed": 1}])
def test_every_control_changes_the_ratios(changes: dict[str, Any]) -> None:
    plain, other = measure_fresh(Settings(**SMALL)), measure_fresh(Settings(**(SMALL | changes)))
    assert not np.array_equal(plain.ratio, other.ratio)


def test_variance_shift_is_predicted_from_training_mode(default: Result) -> None:
    shift = default.shift
    assert shift.ratio[0] == pytest.approx(shift.ratio_theory[0], abs=5 * shift.ratio_error[0])
    np.testing.assert_allclose(shift.ratio, shift.ratio_theory, rtol=0.08)
    assert (np.diff(shift.ratio) < 0).all()
    assert shift.ratio[-1] < 0.3 * shift.local[-1]  # most of it arrives from below
    assert shift.logit_variance[1] < 0.1 * shift.logit_variance[0]


@pytest.mark.parametrize("order", ["none", "dropout_after_norm"])
def test_where_no_norm_sees_dropout_nothing_shifts(order: Any) -> None:
    shift = measure_fresh(Settings(**SMALL, order=order))
    # The running variance is unbiased, 600/599 of the other, once more with every layer; ε is some hundredths of a percent.
    np.testing.assert_allclose(shift.ratio, shift.ratio_theory * (599 / 600) ** np.arange(1, 3), rtol=1e-4)
    np.testing.assert_allclose(shift.ratio, 1, atol=0.005)


def test_the_first_layers_ratio_is_that_of_a_plain_network() -> None:
    """One network, one pass: Linear → ReLU → nn.Dropout → nn.BatchNorm1d with the generator where the lab's stood."""
    settings = Settings(**(SMALL | {"depth": 1}))
    data = digits_data((0,), train_size=300)
    network = build_replicas(network_plan(settings, "dropout_before_norm"), data.seeds)
    linear, relu, dropout, norm, _ = network.replica(0)
    (generator,) = next(module for module in network.modules() if isinstance(module, StackedDropout)).generators
    state = generator.get_state()
    shift = measure_shift(network, data, 0.5, passes=1)
    norm.momentum = None
    torch.default_generator.set_state(state)
    order = torch.Generator().manual_seed(int(np.random.SeedSequence((0, 4)).generate_state(1)[0]))
    train = data.train[0]
    with torch.no_grad():
        clean = relu(linear(data.features[train[torch.randperm(300, generator=order)]]))
        norm(dropout(clean))
        expected = clean.double().var(0, correction=0) / (norm.running_var.double() + norm.eps)
    kept = (clean > 0).float().mean(0) >= 0.05
    assert shift.ratio[0] == pytest.approx(expected[kept].mean().item(), rel=1e-5)
    assert shift.left_out[0] == int((~kept).sum())
    assert shift.units == 24


def test_measuring_leaves_the_network_as_it_was() -> None:
    data = digits_data((0, 1), train_size=100)
    network = build_replicas(network_plan(Settings(**SMALL), "dropout_before_norm"), data.seeds).eval()
    buffers = {name: value.clone() for name, value in network.state_dict().items()}
    generators = next(module for module in network.modules() if isinstance(module, StackedDropout)).generators
    states = [generator.get_state() for generator in generators]
    measure_shift(network, data, 0.5, passes=2)
    assert all(torch.equal(value, buffers[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(one.get_state(), state) for one, state in zip(generators, states, strict=True))
    assert not network.training
    assert not [hook for module in network.modules() for hook in (*module._forward_pre_hooks, *module._forward_hooks)]


def test_dropout_and_batch_norm_alone_follow_lis_formula() -> None:
    pure = measure_pure(4)
    assert pure.variance.shape == (len(MEANS), len(RATES))
    np.testing.assert_array_less(np.abs(pure.variance / pure.variance_theory - 1), 5 * pure.variance_error + 1e-3)
    np.testing.assert_allclose(pure.variance[:, 0], 1, rtol=1e-3)
    assert (np.diff(pure.variance_theory, axis=0) < 0)[:, 1:].all()  # the mean counts too


def test_too_much_is_refused_with_what_to_reduce() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(depth=50, width=512))
    assert "depth" in caught.value.reduce


@pytest.mark.parametrize("rate", [0.0, 0.95])
def test_the_edges_run(rate: float) -> None:
    assert np.isfinite(run(Settings(**SMALL, dropout=rate)).shift.ratio_theory).all()
    assert NETWORKS == 3
    assert IMAGES <= 1347
