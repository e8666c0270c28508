"""The topic `through_time` of the lab `recurrence` against autograd and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.recurrent_networks import build_recurrent
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.through_time.comparisons import comparisons
from bnviz.labs.recurrence.through_time.experiment import run
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.labs.recurrence.through_time.settings import Settings
from bnviz.theory.growth import growth_recurrent_tanh

PER_STEP = 1


def made(**changes: Any) -> Result:
    return run(Settings(**changes))


@pytest.fixture(scope="module")
def back() -> Result:
    return made(seeds=8)


def test_gradients_are_autograds_on_a_plain_network() -> None:
    settings = Settings(cell="gru", width=12, seeds=2, batch_size=16, gamma=0.7)
    result: Any = run(settings)
    data = digits_data((0, 1))
    for index, variant in enumerate(result.variants):
        for place in range(2):
            network = build_recurrent(plan_of(settings, variant), (place,)).replica(0)
            batch = batch_indices(data, 16, 1)[0, place]
            states = network[0].states(data.features[batch])
            loss = nn.functional.cross_entropy(network[1](states[-1]), data.labels[batch])
            for step, gradient in enumerate(torch.autograd.grad(loss, states)):
                rms = gradient.double().square().mean().sqrt().item()
                assert result.gradient[index, place, step] == pytest.approx(rms, rel=1e-4)


def test_the_closed_form_holds_where_it_claims_to(back: Result) -> None:
    """Without a normalizer and with layer norm to 5 % per step; batch norm lies above, and fits with the units' own variances."""
    growth = back.growth_over_seeds.mean
    names = list(back.variants)
    for variant in ("none", "layer"):
        index = names.index(variant)
        np.testing.assert_allclose(growth[index], back.growth_theory[index], rtol=0.05)
    index = names.index("batch_per_step")
    assert (growth[index] > back.growth_theory[index]).all()
    np.testing.assert_allclose(growth[index], back.growth_unequal[index], rtol=0.03)
    np.testing.assert_allclose(back.growth_theory[index, 1:], growth_recurrent_tanh(1, 1), rtol=0.01)
    np.testing.assert_allclose(back.relative_theory[:, 0], back.growth_theory.prod(1))
    np.testing.assert_allclose(back.relative.mean[:, -1], 1)


def test_shared_statistics_are_the_same_in_training_mode(back: Result) -> None:
    assert back.same == 0


def test_a_small_gamma_keeps_less(back: Result) -> None:
    """Not what is told of it: see the topic's text."""
    growth = dict(zip(back.gammas.tolist(), back.gamma_over_seeds.mean.tolist(), strict=True))
    assert growth[0.1] < growth[1.0] - 0.05 < growth[3.0]
    np.testing.assert_allclose(back.gamma_over_seeds.mean, back.gamma_growth_theory, rtol=0.09)
    assert np.all(back.gamma_growth_alone >= 1)


@pytest.mark.parametrize("change", [{"cell": "lstm"}, {"gamma": 0.0}, {"seeds": 1}, {"batch_size": 2}, {"gamma": -1.0}])
def test_edges_run(change: dict[str, Any]) -> None:
    result = made(**({"cell": "rnn", "width": 16, "seeds": 3} | change))
    assert np.isfinite(result.gradient).all()
    rows = comparisons(result)
    assert rows[-1].explained
    if change.get("cell") == "lstm":
        assert np.isnan(result.growth_theory).all()
        assert len(rows) == 1


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_values_of_gamma_are_networks_that_start_with_them(cell: Any) -> None:
    result = made(cell=cell, width=12, seeds=3, gamma=0.2)
    first, last = result.gradient[PER_STEP, :, 1], result.gradient[PER_STEP, :, -1]
    place = result.gammas.tolist().index(0.2)
    np.testing.assert_allclose(result.gamma_growth[place], (first / last) ** (1 / 6), rtol=1e-5)
    assert not np.isclose(result.gamma_growth[place], result.gamma_growth[place + 1]).any()


def test_blank_pixels_make_the_gradient_explode() -> None:
    result = made(cell="rnn", sequence="pixels", width=16, seeds=2)
    index = list(result.variants).index("batch_per_step")
    assert result.growth_over_seeds.mean[index, 0] > 50
    assert result.relative.mean[index, 0] > 100
    assert result.relative.mean[0, 0] < 1e-9
