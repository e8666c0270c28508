"""Noise of real batch norm layers in the lab `batch_size`, against plain loops and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.datasets import digits
from bnviz.core.replica_networks import plain_network
from bnviz.labs.batch_size.shared.measurement import batch_draws, measure
from bnviz.labs.batch_size.shared.population import network_plan, population
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.labs.batch_size.statistics.experiment import measure_closely, run
from bnviz.labs.batch_size.statistics.result import CloseStatistics
from bnviz.labs.batch_size.statistics.settings import Settings
from bnviz.theory import noise

SIZES = (1, 2, 3, 8, 32)
ERRORS = 4.5  # of 4 · 2 · 3 · 5 numbers at fixed seeds


def closely(network: Any, **changes: Any) -> CloseStatistics:
    return measure_closely(network, Settings(**changes))


@pytest.fixture(scope="module")
def all_kinds() -> dict[tuple[str, int, str], Statistics]:
    return {
        (network, layer, sampling): measure(network, layer, sampling, SIZES, 1)
        for network in ("mlp", "cnn")
        for layer in (1, 2)
        for sampling in ("iid", "one_class")
    }


def test_measured_lies_within_sampling_of_theory(all_kinds: dict[Any, Statistics]) -> None:
    """The mean is exact for any data. Fidelity and variance lean on normal values or χ²: 5 % more is allowed them."""
    for part in all_kinds.values():
        for name, slack in (("mean_noise", 0.0), ("variance_noise", 0.06), ("fidelity", 0.05)):
            measured, theory, error = (getattr(part, name + end) for end in ("", "_theory", "_error"))
            known = np.isfinite(measured)
            assert known[1:].all()
            assert (np.abs(measured - theory) <= ERRORS * error + slack * theory)[known].all(), (part.network, name)


def test_theory_of_the_mlp_is_the_closed_form(all_kinds: dict[Any, Statistics]) -> None:
    for layer in (1, 2):
        part = all_kinds["mlp", layer, "iid"]
        np.testing.assert_allclose(part.mean_noise_theory, 1 / np.sqrt(SIZES), rtol=1e-9)
        np.testing.assert_allclose(part.fidelity_theory[1:], noise.fidelity(SIZES[1:]), rtol=1e-9)
        assert part.correlation == 0
        assert part.class_share == pytest.approx(0, abs=1e-12)


def test_theory_of_the_variance_is_the_closed_form_with_the_digits_kurtosis() -> None:
    source = population("mlp", 1, "iid", 3)
    values = source.values.double().numpy()
    standard = (values - values.mean(0)) / values.std(0)
    kurtosis = (standard**4).mean(0) - 3
    for size in (2, 5, 64):
        expected = np.sqrt((2 / (size - 1) + kurtosis / size).mean())
        assert source.noise(size, 64).variance == pytest.approx(expected, rel=1e-9)


def test_theory_of_images_is_the_design_effect(all_kinds: dict[Any, Statistics]) -> None:
    for layer, pixels in ((1, 64), (2, 16)):
        part = all_kinds["cnn", layer, "iid"]
        assert part.pixels == pixels
        worth = noise.effective_batch(SIZES, pixels, part.correlation)
        np.testing.assert_allclose(part.effective_theory, worth, rtol=1e-9)
        one = all_kinds["cnn", layer, "one_class"]
        classes = noise.effective_batch(1, SIZES, one.class_share)
        np.testing.assert_allclose(one.effective_theory, worth / SIZES * classes, rtol=1e-9)


def test_correlation_is_that_of_the_pixels() -> None:
    source = population("cnn", 2, "iid", 0)
    values = source.values.double().numpy().reshape(1797, 16, 16)
    standard = (values - values.mean((0, 2), keepdims=True)) / values.std((0, 2), keepdims=True)
    products = np.einsum("ncp,ncq->cpq", standard, standard) / 1797
    off_diagonal = (products.sum((1, 2)) - np.trace(products, axis1=1, axis2=2)) / (16 * 15)
    assert source.shares(16)[0] == pytest.approx(off_diagonal.mean(), rel=1e-9)


def test_one_class_stops_the_mean_from_settling(all_kinds: dict[Any, Statistics]) -> None:
    part = all_kinds["mlp", 1, "one_class"]
    assert part.class_share > 0.2
    assert part.mean_noise[-1] > 0.9 * math.sqrt(part.class_share)
    assert part.fidelity[-1] < all_kinds["mlp", 1, "iid"].fidelity[-1] - 0.2


@pytest.mark.parametrize("network", ["mlp", "cnn"])
@pytest.mark.parametrize("layer", [1, 2])
def test_the_population_is_what_the_plain_network_passes(network: Any, layer: int) -> None:
    images, labels = digits()
    seen: list[torch.Tensor] = []
    net = plain_network(network_plan(network, "batch"), 5).train()
    norms = [module for module in net if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    norms[layer - 1].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].detach()))
    net(images if network == "cnn" else images.flatten(1))
    source = population(network, layer, "iid", 5)
    assert torch.equal(source.values, seen[0])
    assert torch.equal(source.labels, labels)


@pytest.mark.parametrize(("network", "channels"), [("mlp", 64), ("cnn", 4)])
def test_measured_is_what_one_batch_after_another_gives(network: Any, channels: int) -> None:
    """Real layers in a plain loop over the same batches."""
    source = population(network, 1, "iid", 7)
    part = closely(network, batch_sizes=(4,), batch_size=4, seed=7)
    norm = (nn.BatchNorm1d if network == "mlp" else nn.BatchNorm2d)(channels, momentum=None, affine=False)
    values = source.values[:, :channels]
    means, outputs, truths = [], [], []
    for batch in batch_draws(source.labels, 400, 4, "iid", 7):
        norm.reset_running_stats()
        outputs.append(norm(values[batch]).double().numpy())
        means.append(norm.running_mean.double().numpy())  # type: ignore[union-attr]
        truths.append(values[batch].double().numpy())
    error = (np.array(means) - source.mean[:channels]) / source.std[:channels]
    assert part.mean_noise[0] == pytest.approx(math.sqrt((error**2).mean()), rel=1e-4)
    output, truth = (np.moveaxis(np.concatenate(part), 1, 0).reshape(channels, -1) for part in (outputs, truths))
    squared = [np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(output, truth, strict=True)]
    assert part.fidelity[0] == pytest.approx(np.mean(squared), rel=1e-4)
    assert part.batch_fidelity == part.fidelity[0]
    assert set(np.round(part.output, 4)) <= set(np.round(output[0], 4))


def test_two_samples_leave_a_sign_and_three_stay_within_the_bound() -> None:
    two, three = (closely("mlp", batch_sizes=(2,), batch_size=size) for size in (2, 3))
    assert np.mean(np.abs(two.output) > 0.99) > 0.9
    assert np.abs(two.output).max() <= 1
    assert 1.4 < np.abs(three.output).max() <= math.sqrt(2)


def test_one_sample_is_refused_in_the_mlp_only() -> None:
    mlp, cnn = (closely(network, batch_sizes=(1, 2), batch_size=1) for network in ("mlp", "cnn"))
    assert mlp.refusal == "Expected more than 1 value per channel when training, got input size torch.Size([1, 64])"
    assert np.isnan([mlp.mean_noise[0], mlp.fidelity[0], mlp.fidelity_theory[0], mlp.batch_fidelity]).all()
    assert np.isfinite([mlp.mean_noise[1], mlp.fidelity[1]]).all()
    assert cnn.refusal == ""
    assert np.isfinite([*cnn.mean_noise, *cnn.fidelity, *cnn.fidelity_theory]).all()
    assert cnn.batch_fidelity > 0.9


@pytest.mark.parametrize("sampling", ["iid", "one_class"])
def test_batches_are_drawn_as_said(sampling: Any) -> None:
    labels = digits()[1]
    draws = batch_draws(labels, 300, 12, sampling, 3)
    assert draws.shape == (300, 12)
    assert torch.equal(draws, batch_draws(labels, 300, 12, sampling, 3))
    single = (labels[draws] == labels[draws][:, :1]).all(1)
    assert single.all() if sampling == "one_class" else not single.any()
    assert len(set(labels[draws].flatten().tolist())) == 10


def test_what_it_is_said_to_depend_on_changes_it() -> None:
    base = measure("mlp", 1, "iid", (4,), 0)
    for changes in ({"hidden_layer": 2}, {"sampling": "one_class"}, {"seed": 1}, {"network": "cnn"}):
        given: dict[str, Any] = {"network": "mlp", "hidden_layer": 1, "sampling": "iid", "seed": 0} | changes
        other = measure(batch_sizes=(4,), **given)
        assert abs(other.fidelity[0] - base.fidelity[0]) > 1e-4, changes


def test_the_settings_reach_the_measurement() -> None:
    result = run(Settings(batch_sizes=(8, 3), batch_size=5, hidden_layer=2, sampling="one_class", seed=6))
    for network, part in result.both_statistics().items():
        alone = measure(network, 2, "one_class", (8, 3), 6)
        np.testing.assert_array_equal(part.fidelity, alone.fidelity)
        np.testing.assert_array_equal(part.mean_noise_theory, alone.mean_noise_theory)
        assert part.batch_fidelity == measure(network, 2, "one_class", (5,), 6).fidelity[0]
        assert (part.network, part.batch_size) == (network, 5)
