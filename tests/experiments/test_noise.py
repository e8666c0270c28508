"""The instant topics of the lab `noise` against plain PyTorch and the closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_layers import StackedDropout
from bnviz.core.replica_networks import build_replicas
from bnviz.errors import BatchOfOneError, CostError
from bnviz.labs.noise.mates.experiment import law_cdf, measure_mates
from bnviz.labs.noise.shared.dispatch import Result, Settings, run, run_mates
from bnviz.labs.noise.shared.pure import MEANS, RATES, measure_pure
from bnviz.labs.noise.shift import experiment as noise_shift
from bnviz.labs.noise.shift.experiment import NETWORKS, measure_fresh, measure_shift, network_plan
from bnviz.theory import output_law

SMALL: dict[str, Any] = {"draws": 500, "depth": 2, "width": 24}
# P(√R·D > 2.3) is 5e-5 for R samples of the law itself.
FAR = 2.3


@pytest.fixture(scope="module")
def default() -> Result:
    result = run(Settings())
    assert isinstance(result, Result)
    return result


def test_the_four_arrays_are_there_by_default(default: Result) -> None:
    assert default.samples.shape == (4000,)
    assert default.law_pdf.shape == default.law_x.shape
    assert default.variance_ratio.shape == default.variance_ratio_theory.shape == (3,)
    for values in (default.samples, default.law_pdf, default.variance_ratio, default.variance_ratio_theory):
        assert np.isfinite(values).all()
    assert (default.law_pdf * 0.05).sum() == pytest.approx(1, abs=1e-6)  # bins of 0.05 over −4 … 4
    assert default.progress == 1


def test_samples_are_what_plain_batch_norm_gives_one_batch_after_another() -> None:
    settings = Settings(batch_size=5, sample_value=-1.5, draws=100)
    mates = torch.randn((4, 100), generator=torch.Generator().manual_seed(0))
    samples = measure_mates(settings).samples
    for draw in range(0, 100, 9):
        batch = torch.cat([torch.tensor([[-1.5]]), mates[:, draw, None]])
        assert samples[draw] == pytest.approx(nn.BatchNorm1d(1)(batch)[0].item(), abs=1e-5)


@pytest.mark.parametrize(("size", "value"), [(3, 1.0), (4, -0.5), (8, 3.0), (32, 1.0), (256, 0.0)])
def test_samples_follow_the_law(size: int, value: float) -> None:
    settings = Settings(batch_size=size, sample_value=value, draws=2000, seed=3)
    mates = measure_mates(settings)
    known = stats.kstest(mates.samples, lambda x: output_law.fixed_sample_cdf(x, value, size))
    assert mates.distance == pytest.approx(known.statistic, abs=1e-6)
    assert mates.distance < FAR / math.sqrt(2000)
    assert mates.mean == pytest.approx(mates.mean_theory, abs=5 * mates.std / math.sqrt(2000))
    assert mates.std == pytest.approx(mates.std_theory, rel=5 * 1.5 / math.sqrt(2 * 2000))
    assert mates.law_pdf.sum() * 0.05 == pytest.approx(1, abs=1e-6)


def test_in_a_batch_of_two_only_the_order_is_left() -> None:
    mates = measure_mates(Settings(batch_size=2, sample_value=0.5, draws=4000))
    assert set(np.round(mates.samples[np.abs(mates.samples) > 0.9])) == {-1.0, 1.0}
    up = stats.norm.cdf(0.5)
    assert (mates.samples > 0).mean() == pytest.approx(up, abs=5 * math.sqrt(up * (1 - up) / 4000))
    np.testing.assert_allclose(law_cdf(np.array([-1.5, 0.0, 1.5]), 0.5, 2), [0, 1 - up, 1])
    assert mates.mean_theory == pytest.approx(2 * up - 1)
    assert mates.distance < FAR / math.sqrt(4000)


def test_other_values_and_fidelity_follow_their_closed_forms(default: Result) -> None:
    mates = default.mates
    assert mates is not None
    np.testing.assert_array_less(
        np.abs(mates.value_mean - mates.value_mean_theory), 5 * mates.value_std_theory / math.sqrt(500)
    )
    np.testing.assert_allclose(mates.value_std, mates.value_std_theory, rtol=5 * 1.5 / math.sqrt(2 * 500))
    assert (np.abs(mates.value_mean) <= np.abs(mates.values) + 0.1).all()
    np.testing.assert_array_less(np.abs(mates.fidelity - mates.fidelity_theory), 6 * mates.fidelity_error)
    assert mates.fidelity_theory[0] == pytest.approx(1 / math.pi)
    np.testing.assert_allclose(mates.rate, 1 - mates.fidelity)
    assert (np.diff(mates.fidelity_theory) > 0).all()


@pytest.mark.parametrize("source", ["digits", "digits_relu"])
def test_for_real_features_the_law_is_an_approximation_and_that_is_measured(source: Any) -> None:
    mates = measure_mates(Settings(source=source))
    assert mates.distance > FAR / math.sqrt(4000)
    assert abs(mates.skewness) + abs(mates.excess_kurtosis) > 0.3
    assert mates.mean == pytest.approx(mates.mean_theory, abs=0.05)


@pytest.mark.parametrize(
    "changes", [{"sample_value": 2.0}, {"batch_size": 8}, {"source": "digits"}, {"seed": 1}, {"draws": 501}]
)
def test_every_control_of_mates_changes_the_samples(changes: dict[str, Any]) -> None:
    plain, other = measure_mates(Settings(**SMALL)), measure_mates(Settings(**(SMALL | changes)))
    assert not np.array_equal(plain.samples, other.samples)


@pytest.mark.parametrize("changes", [{"dropout": 0.2}, {"order": "none"}, {"depth": 3}, {"width": 32}, {"seed": 1}])
def test_every_control_of_shift_changes_the_ratios(changes: dict[str, Any]) -> None:
    plain, other = measure_fresh(Settings(**SMALL)), measure_fresh(Settings(**(SMALL | changes)))
    assert not np.array_equal(plain.ratio, other.ratio)


def test_the_same_settings_give_the_same_numbers(default: Result) -> None:
    again = run(Settings())
    np.testing.assert_array_equal(default.samples, again.samples)
    np.testing.assert_array_equal(default.variance_ratio, again.variance_ratio)
    np.testing.assert_array_equal(default.pure.variance, again.pure.variance)


def test_the_shift_topic_leaves_the_batch_mates_alone_and_so_stands_any_batch_size() -> None:
    result = run(Settings(topic="shift", batch_size=1, **SMALL))
    assert result.mates is None
    assert result.samples.size == result.law_pdf.size == result.law_x.size == 0
    assert result.variance_ratio.shape == (2,)


def test_the_page_of_batch_noise_gets_the_same_and_asks_for_no_network(default: Result) -> None:
    alone = run_mates(Settings())
    np.testing.assert_array_equal(alone.samples, default.samples)
    np.testing.assert_array_equal(alone.law_pdf, default.law_pdf)
    assert alone.progress == 1
    with pytest.raises(CostError):
        run(Settings(**SMALL | {"depth": 50, "width": 512}))
    assert run_mates(Settings(**SMALL | {"depth": 50, "width": 512})).samples.shape == (500,)


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


def test_batches_of_one_are_refused_in_pytorchs_words() -> None:
    with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
        run(Settings(batch_size=1))


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"draws": 20_000, "batch_size": 1024}, "draws"), ({"topic": "shift", "depth": 50, "width": 512}, "depth")],
)
def test_too_much_is_refused_with_what_to_reduce(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(**changes))
    assert name in caught.value.reduce


def test_the_edges_run() -> None:
    for changes in ({"batch_size": 1024, "draws": 100}, {"batch_size": 2}, {"dropout": 0.95}, {"dropout": 0.0}):
        result = run(Settings(**(SMALL | changes)))
        assert np.isfinite(result.samples).all()
        assert np.isfinite(result.variance_ratio_theory).all()
    assert NETWORKS == 3
    assert noise_shift.IMAGES <= 1347
