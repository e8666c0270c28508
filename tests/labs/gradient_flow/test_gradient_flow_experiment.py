"""The lab `gradient_flow` against a straight PyTorch loop and against theory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bnviz.core.datasets import batches, digits
from bnviz.core.networks import MLP, MLPShape
from bnviz.errors import BatchOfOneError, CostError
from bnviz.labs.gradient_flow.comparisons import comparisons, finite_growth
from bnviz.labs.gradient_flow.experiment import run, variants
from bnviz.labs.gradient_flow.experiment.mean_field import predict
from bnviz.labs.gradient_flow.experiment.training import first_measurable, growth_of, independent_directions
from bnviz.labs.gradient_flow.experiment.variants import OneValueError, recorded_steps
from bnviz.labs.gradient_flow.lesson import TOPIC
from bnviz.labs.gradient_flow.result import Result
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.theory.activations import saturated_share
from bnviz.theory.growth import growth_batch_norm, growth_finite_batch

plain = partial(Settings, init="torch", weight_gain=1.0, bias_std=0.0)  # the weights of nn.Linear by default

SMALL: Mapping[str, Any] = {"depth": 4, "width": 16, "batch_size": 12, "steps": 3}


def straight_loop(s: Settings, normalizer: str) -> dict[str, Any]:
    """The same training without hooks, with torch's optimizer, gradients by `torch.autograd.grad` at kept tensors."""
    images, labels = digits()
    features = images.flatten(1)
    order = batches(len(features), s.batch_size, s.steps + 1, torch.Generator().manual_seed(s.seed + 2**31))
    shape = MLPShape(
        64,
        10,
        s.depth,
        s.width,
        s.activation,
        normalizer,
        s.position,
        s.gamma,
        s.eps,
        s.init,
        s.weight_gain,
        s.bias_std,
        s.skip,
    )  # type: ignore[arg-type]
    network = MLP(shape, torch.Generator().manual_seed(s.seed))
    optimizer = torch.optim.SGD(network.parameters(), lr=s.learning_rate)
    found: dict[str, list[Any]] = {"loss": [], "gradient": [], "weight": [], "saturated": [], "rms": [], "z": []}
    for index in order:
        values, kept = features[index], []
        for module in network.chain:
            if module in network.activations:
                values = values + kept[-1] if s.skip and kept else values
                kept.append(values)
            values = module(values)
        loss = nn.functional.cross_entropy(values, labels[index])
        slopes = []
        for entry, activation in zip(kept, network.activations, strict=True):
            own = entry.detach().requires_grad_()
            slopes.append(torch.autograd.grad(activation(own).sum(), own)[0].abs())
        largest = {"sigmoid": 0.25, "gelu": 1.1289}.get(s.activation, 1.0)
        gradients = torch.autograd.grad(loss, kept, retain_graph=True)
        optimizer.zero_grad()
        loss.backward()
        found["loss"].append(loss.item())
        found["gradient"].append([float(g.double().square().mean().sqrt()) for g in gradients])
        weights = [layer.weight.grad for layer in network.linears[:-1]]
        found["weight"].append([float(g.double().square().mean().sqrt()) for g in weights if g is not None])
        found["saturated"].append([float((slope < 0.05 * largest).double().mean()) for slope in slopes])
        found["rms"].append([float(z.double().square().mean().sqrt()) for z in kept])
        found["z"].append([z.detach().numpy().ravel() for z in kept])
        optimizer.step()
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": "relu", "position": "after"},
        {"activation": "gelu", "normalizer": "layer", "gamma": 2.5},
        {"activation": "tanh", "normalizer": "group", "init": "scaled", "weight_gain": 2.0, "bias_std": 0.3},
        {"activation": "sigmoid", "gamma": -5.0, "eps": 0.1, "seed": 3},
        {"activation": "leaky_relu", "normalizer": "layer", "position": "after"},
        {"activation": "elu", "init": "scaled", "weight_gain": 5.0},
        {"activation": "relu", "skip": True, "gamma": 0.5},
        {"activation": "tanh", "normalizer": "group", "position": "after", "skip": True},
    ],
)
def test_equal_to_a_straight_pytorch_loop(changes: dict[str, Any]) -> None:
    s = plain(**(SMALL | changes))
    result = run(s)
    assert result.variants == ("none", s.normalizer)
    assert result.steps.tolist() == [0, 1, 2, 3]
    for index, variant in enumerate(result.variants):
        expected = straight_loop(s, variant)
        # float32 sums in another order, through four steps: 1e-5 is what accumulates, not what the lab adds.
        for name, values in (
            ("loss", result.loss),
            ("gradient", result.gradient_rms),
            ("weight", result.weight_gradient_rms),
            ("rms", result.preactivation_rms),
        ):
            np.testing.assert_allclose(values[index], expected[name], rtol=1e-5, err_msg=name)
        # Values at the very edge of an interval may fall on either side: 2 of 12·16.
        np.testing.assert_allclose(result.saturated[index], expected["saturated"], atol=2.1 / (12 * 16))
        edges = result.preactivations.edges
        for point in range(4):
            for layer in range(4):
                clipped = np.clip(expected["z"][point, layer], edges[0], edges[-1])
                counts = np.histogram(clipped, edges)[0]
                assert np.abs(counts - result.preactivations.counts[index, point, layer]).sum() <= 4


def test_shapes_and_counts() -> None:
    result = run(plain(**SMALL))
    assert result.gradient_rms.shape == result.saturated.shape == (2, 4, 4)
    assert result.gradient_rms_theory.shape == (2, 4)
    assert result.growth.shape == result.growth_theory.shape == (2,)
    assert result.preactivations.counts.shape == (2, 4, 4, len(result.preactivations.edges) - 1)
    assert (result.preactivations.counts.sum(-1) == 12 * 16).all()
    np.testing.assert_allclose(result.growth_by_step[:, 0], result.growth)
    np.testing.assert_allclose(np.prod(result.layer_growth, axis=1), result.growth**3)
    np.testing.assert_allclose(result.gradient_rms_theory[:, -1], result.gradient_rms[:, 0, -1])
    np.testing.assert_allclose(
        result.gradient_rms_theory[:, :-1] / result.gradient_rms_theory[:, 1:], result.layer_growth_theory
    )


@pytest.mark.parametrize("steps", [0, 1, 2, 7, 30, 200])
def test_recorded_steps(steps: int) -> None:
    recorded = recorded_steps(steps)
    assert recorded[0] == 0
    assert recorded[-1] == steps
    assert len(recorded) == len(set(recorded)) <= variants.POINTS
    assert list(recorded) == sorted(recorded)


WIDE: Mapping[str, Any] = {"width": 256, "steps": 0, "batch_size": 256}


@pytest.mark.parametrize("source", ["digits", "gaussian"])
@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        ("sigmoid", None),
        ("relu", None),
        ("relu", 1.41),
        ("tanh", 0.1),
        ("tanh", 1.0),
        ("tanh", 3.0),
        ("gelu", 2.0),
        ("identity", 0.7),
        ("elu", 1.2),
        ("silu", 3.0),
        ("leaky_relu", 5.0),
    ],
)
def test_growth_without_normalizer_is_the_predicted_one(activation: str, gain: float | None, source: str) -> None:
    init = {} if gain is None else {"init": "scaled", "weight_gain": gain, "bias_std": 0.1}
    result = run(plain(**WIDE, activation=activation, normalizer="none", source=source, **init))
    # Four standard errors, which are 0.8 % to 1.5 % at this width and depth; so 6 % at most, which must not be too lax.
    assert abs(result.growth[0] - result.growth_theory[0]) < 4 * result.growth_error[0]
    assert result.growth_error[0] < 0.015 * result.growth[0]


def test_standard_errors_are_honest() -> None:
    """Over 40 networks the differences scatter as the errors say: their mean square, in standard errors, is 1.

    It scatters by √(2/40) = 0.22: between 0.3 and 1.9 are three to four times that.
    """
    results = [run(plain(width=64, steps=0, activation="relu", normalizer="none", seed=seed)) for seed in range(40)]
    z = np.array([(r.growth[0] - r.growth_theory[0]) / r.growth_error[0] for r in results])
    assert 0.3 < float(np.mean(z**2)) < 1.9
    assert abs(float(z.mean())) < 4 / math.sqrt(40)


def test_layer_norm_standard_errors_are_honest() -> None:
    results = [run(plain(width=64, steps=0, activation="tanh", normalizer="layer", seed=seed)) for seed in range(40)]
    z = np.array([(r.growth[1] - r.growth_theory[1]) / r.growth_error[1] for r in results])
    assert 0.3 < float(np.mean(z**2)) < 1.9


@pytest.mark.parametrize("source", ["digits", "gaussian"])
def test_relu_with_batch_norm_grows_by_1_2112(source: str) -> None:
    settings_of = [
        plain(depth=20, width=256, batch_size=512, steps=0, activation="relu", source=source, seed=s) for s in range(3)
    ]
    results = [run(s) for s in settings_of]
    assert [r.growth_theory[1] for r in results] == pytest.approx([1.2112] * 3, abs=2e-4)
    growth = float(np.mean([r.growth[1] for r in results]))
    # A finite number of directions d adds 1/(2d), at d of 30 and more under 1.7 %; the sampling error of three runs is 0.2 %.
    assert 1.2112 * 0.994 < growth < 1.2112 * 1.02


def test_recipe_of_twenty_relu_layers_grows_less_while_it_trains() -> None:
    result = run(plain(depth=20, activation="relu", steps=10, learning_rate=0.1))
    assert result.growth[1] == pytest.approx(1.214, abs=0.02)
    at = dict(zip(result.steps.tolist(), result.growth_by_step[1].tolist(), strict=True))
    assert 1 < at[10] < at[1] < at[0]


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "sigmoid", "gelu", "silu", "elu"])
@pytest.mark.parametrize("position", ["before", "after"])
def test_growth_with_batch_norm_lies_between_many_and_few_directions(activation: str, position: str) -> None:
    """Theory for many directions is the lower end; d directions add as much again as they do in the solvable case."""
    result = run(plain(activation=activation, position=position, steps=0, source="gaussian", batch_size=512))
    low, high = result.growth_theory[1], result.growth_theory[1] * finite_growth(float(result.directions[1])) ** 1.5
    error = 3 * result.growth_error[1]
    assert low - error < result.growth[1] < high + error
    assert high < 1.1 * low


def test_sigmoid_vanishes_and_batch_norm_cures_it() -> None:
    result = run(plain(steps=30))
    first, last = result.gradient_rms[:, 0, 0], result.gradient_rms[:, 0, -1]
    assert first[0] / last[0] < 1e-7
    assert 1 < first[1] / last[1] < 3
    assert result.loss[0, -1] > 2.25  # ln 10 = 2.30 is chance
    assert result.loss[1, -1] < 1.2


@pytest.mark.parametrize("gain", [0.05, 0.3, 5.0])
def test_the_weight_scale_in_front_of_batch_norm_changes_nothing(gain: float) -> None:
    base = {**SMALL, "depth": 8, "init": "scaled", "eps": 1e-12, "activation": "tanh"}
    one, other = run(plain(**base, weight_gain=1.0)), run(plain(**base, weight_gain=gain))
    # float32 rounding through eight layers; BN(aWx) = BN(Wx) is exact otherwise, and so is the gradient behind it.
    np.testing.assert_allclose(other.gradient_rms[1, 0], one.gradient_rms[1, 0], rtol=1e-4)
    np.testing.assert_allclose(other.saturated[1, 0], one.saturated[1, 0], atol=2.1 / (12 * 16))
    assert other.growth[1] == pytest.approx(one.growth[1], rel=1e-5)
    assert abs(math.log(other.growth[0] / one.growth[0])) > 0.4
    np.testing.assert_allclose(other.growth_theory[1], one.growth_theory[1], rtol=1e-6)


def test_the_variant_without_normalizer_does_not_know_of_one() -> None:
    alone = run(plain(**SMALL, normalizer="none"))
    for changes in (
        {},
        {"normalizer": "layer"},
        {"normalizer": "group", "position": "after", "gamma": 3.0, "eps": 0.1},
    ):
        other = run(plain(**(SMALL | changes)))
        for name in ("gradient_rms", "saturated", "loss", "weight_gradient_rms"):
            np.testing.assert_array_equal(getattr(other, name)[:1], getattr(alone, name))
        np.testing.assert_array_equal(other.preactivations.counts[:1], alone.preactivations.counts)
    np.testing.assert_array_equal(run(plain(**SMALL, position="none")).gradient_rms, alone.gradient_rms)


@pytest.mark.parametrize("changes", [{"normalizer": "none"}, {"position": "none"}])
def test_without_normalizer_there_is_one_variant(changes: dict[str, Any]) -> None:
    result = run(plain(**SMALL, **changes))
    assert result.variants == ("none",)
    assert result.gradient_rms.shape == (1, 4, 4)


def other_value(name: str, value: Any) -> Any:
    others = {
        "depth": 5,
        "width": 24,
        "activation": "tanh",
        "init": "torch",
        "weight_gain": 2.0,
        "bias_std": 0.5,
        "normalizer": "layer",
        "position": "after",
        "skip": True,
        "gamma": 2.0,
        "batch_size": 9,
        "source": "gaussian",
        "steps": 2,
        "learning_rate": 1.0,
        "eps": 0.1,
        "seed": 1,
    }
    assert others[name] != value
    return others[name]


@pytest.mark.parametrize("name", Settings.names())
def test_every_control_that_applies_changes_the_numbers(name: str) -> None:
    base = plain(**SMALL, init="scaled")
    assert TOPIC.applies(base, name)
    one, other = run(base), run(base.replace(**{name: other_value(name, getattr(base, name))}))
    assert one.gradient_rms.shape != other.gradient_rms.shape or not np.allclose(
        one.gradient_rms, other.gradient_rms, rtol=1e-3
    )


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ({}, "weight_gain"),
        ({}, "bias_std"),
        ({"normalizer": "none"}, "gamma"),
        ({"normalizer": "none"}, "eps"),
        ({"normalizer": "none"}, "position"),
        ({"position": "none"}, "normalizer"),
        ({"steps": 0}, "learning_rate"),
    ],
)
def test_a_control_that_does_not_apply_changes_nothing(base: dict[str, Any], name: str) -> None:
    before = plain(**(SMALL | base))
    assert not TOPIC.applies(before, name)
    after = before.replace(**{name: other_value(name, getattr(before, name))})
    np.testing.assert_array_equal(run(before).gradient_rms, run(after).gradient_rms)


@pytest.mark.parametrize("normalizer", ["none", "batch"])
@pytest.mark.parametrize("position", ["none", "before"])
def test_the_way_back_to_a_normalizer_stays_open(normalizer: str, position: str) -> None:
    s = plain(normalizer=normalizer, position=position)
    while s.normalizer == "none" or s.position == "none":
        name = next(n for n in ("normalizer", "position") if TOPIC.applies(s, n) and getattr(s, n) == "none")
        s = s.replace(**{name: {"normalizer": "batch", "position": "before"}[name]})


def test_gradients_that_underflow_are_told_and_left_out() -> None:
    result = run(plain(depth=40, width=32, batch_size=16, steps=0, init="scaled", weight_gain=0.05))
    first = int(result.first_measurable[0])
    assert 0 < first < 39
    assert (result.gradient_rms[0, 0, :first] < 1.2e-38).all()
    assert (result.gradient_rms[0, 0, :first] == 0).any()
    # No subnormal number is left, with which a processor would be slow: the RMS of one normal among zeros is the least.
    lost = result.gradient_rms[0, 0, :first]
    assert (lost[lost > 0] > 1.17e-38 / math.sqrt(16 * 32)).all()
    # χ = 0.05²/16 at a vanishing z: the growth is known from the layers that are left, here to a few per cent.
    assert result.growth[0] == pytest.approx(0.0125, rel=0.06)
    assert all(math.isfinite(row.measured) for row in comparisons(result))


def test_an_explosion_is_kept_as_it_is() -> None:
    result = run(
        plain(
            depth=50,
            width=32,
            batch_size=16,
            steps=3,
            activation="relu",
            init="scaled",
            weight_gain=5.0,
            learning_rate=10.0,
        )
    )
    assert np.isfinite(result.gradient_rms[:, 0]).all()
    assert not np.isfinite(result.gradient_rms[0, -1]).any()
    assert not np.isfinite(result.loss[0, -1])
    lost = result.preactivations.counts[0, -1].sum(-1) == 0  # no z of these layers is a number
    assert lost.sum() > 10
    np.testing.assert_array_equal(np.isnan(result.saturated[0, -1]), lost)
    assert np.isnan(result.preactivation_rms[0, -1][lost]).all()
    assert np.isfinite(result.loss[1]).all()


def test_gamma_of_zero_stops_the_gradient() -> None:
    result = run(plain(**SMALL, gamma=0.0))
    assert result.growth[1] == result.growth_theory[1] == 0
    assert (result.gradient_rms[1, 0, :-1] == 0).all()
    assert result.gradient_rms[1, 0, -1] > 0


def test_a_relu_at_its_kink_counts_as_saturated() -> None:
    """γ = 0 makes every z exactly 0, where PyTorch's slope of ReLU is 0."""
    result = run(plain(**SMALL, gamma=0.0, activation="relu"))
    assert (result.saturated[1, 0] == 1).all()
    assert (result.saturated_theory[1] == 1).all()


def test_prediction_starts_from_the_data_through_the_first_layer() -> None:
    """nn.Linear's default: σ_w² = 1/3 and σ_b² = 1/(3·inputs), 4 in front of the first layer, 64 in front of the next."""
    data = torch.tensor([[1.0, 2.0, -3.0, 0.5], [0.0, 1.0, 1.0, 1.0]]).double()
    square = float(data.square().mean())
    none = predict(MLPShape(4, 10, 2, 64, "identity"), data).preactivation_rms
    np.testing.assert_allclose(none**2, [square / 3 + 1 / 12, (square / 3 + 1 / 12) / 3 + 1 / 192], rtol=1e-9)
    after = predict(MLPShape(4, 10, 2, 64, "identity", "batch", "after"), data).preactivation_rms
    np.testing.assert_allclose(after[0] ** 2, square / 3 + 1 / 12, rtol=1e-9)


def test_the_histograms_reach_as_far_as_the_values() -> None:
    wide = run(plain(**SMALL, activation="tanh", init="scaled", weight_gain=5.0))
    edges, counts = wide.preactivations.edges, wide.preactivations.counts[:, 0]
    assert edges[-1] == -edges[0] > 12
    assert counts[..., [0, -1]].sum() < 0.02 * counts.sum()
    assert run(plain(**SMALL)).preactivations.edges[-1] == 6


def test_one_layer_has_no_growth() -> None:
    result = run(plain(**(SMALL | {"depth": 1})))
    assert result.growth.tolist() == result.growth_theory.tolist() == [1.0, 1.0]
    assert not any("growth" in row.quantity.text() for row in comparisons(result))


def test_growth_of_its_definition() -> None:
    assert growth_of(np.array([8.0, 1.0, 4.0, 1.0]), 0) == pytest.approx(2.0)
    assert growth_of(np.array([0.0, 4.0, 2.0, 1.0]), 1) == pytest.approx(2.0)
    assert growth_of(np.array([0.0, 0.0, 1.0]), 2) == 0.0
    assert first_measurable(np.array([1e-50, 1e-39, 1e-30, 1.0])) == 2
    assert first_measurable(np.array([0.0, 0.0])) == 2
    assert first_measurable(np.array([math.nan, 1.0])) == 0


def test_independent_directions_count_what_is_there() -> None:
    """Of isotropic Gaussian data in D dimensions and a batch of B there are 1/(1/D + 1/(B − 1)) directions.

    1200 units know the concentration to about a tenth of itself at these sizes.
    """
    generator = torch.Generator().manual_seed(0)
    mlp = MLPShape(8, 10, 1, 1200, "relu", "batch")
    for dimensions, size in ((8, 400), (64, 65), (400, 10)):
        x = torch.randn(size, dimensions, generator=generator) + 3
        weights = torch.randn(dimensions, 1200, generator=generator)
        expected = 1 / (1 / dimensions + 1 / (size - 1))
        assert independent_directions(x @ weights, mlp) == pytest.approx(expected, rel=0.15)
    # Few units see fewer directions than there are: without the correction 100 units would find 24 of these 32.
    x = torch.randn(65, 64, generator=generator)
    found = [independent_directions(x @ torch.randn(64, 100, generator=generator), mlp) for _ in range(20)]
    assert np.mean(found) == pytest.approx(32, rel=0.12)
    assert independent_directions(torch.ones(4, 1200), mlp) == 1.0
    assert independent_directions(torch.ones(4, 1200), MLPShape(8, 10, 1, 1200, "relu", "layer")) == 1199
    assert independent_directions(torch.ones(4, 1200), MLPShape(8, 10, 1, 1200, "relu", "group")) == 149
    assert independent_directions(torch.ones(4, 1200), MLPShape(8, 10, 1, 1200, "relu")) == math.inf
    assert finite_growth(40) == pytest.approx(growth_finite_batch("identity", 41))


def test_saturation_of_a_batch_normalized_tanh_is_the_predicted_one() -> None:
    result = run(plain(activation="tanh", steps=0, gamma=2.0, source="gaussian", width=256))
    expected = float(saturated_share("tanh", 2.0))
    np.testing.assert_allclose(result.saturated_theory[1], expected, rtol=1e-3)
    assert result.saturated[1, 0].mean() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("preset", TOPIC.presets, ids=lambda preset: preset.title)
def test_presets_agree_with_theory(preset: Any) -> None:
    rows = comparisons(run(TOPIC.preset(preset.name)))
    assert [row.quantity.text() for row in rows if not row.explained] == []


def test_a_wrong_theory_is_found_out() -> None:
    result = run(plain(activation="relu", steps=0, batch_size=512))

    def refused(changed: Result) -> set[str]:
        return {row.quantity.text() for row in comparisons(changed) if not row.explained}

    assert refused(result) == set()
    none, batch = "growth per layer, no normalizer", "growth per layer, batch norm"
    # Squared instead of not, slope without variance: the mistakes one would make.
    assert none in refused(dataclasses.replace(result, growth_theory=result.growth_theory**2))
    assert batch in refused(dataclasses.replace(result, growth_theory=np.array([0.408, 0.707])))
    # A tenth is more than 22 directions explain, which is what 128 units leave of 512 samples.
    assert batch in refused(dataclasses.replace(result, growth_theory=1.1 * result.growth_theory))
    saturated = dataclasses.replace(result, saturated=1.3 * result.saturated)
    assert "saturated fraction, batch norm" in refused(saturated)


def test_the_table_names_the_exact_batch_for_relu_only() -> None:
    def names(**changes: Any) -> str:
        return " | ".join(row.quantity.text() for row in comparisons(run(plain(**(SMALL | changes)))))

    assert "at a batch of 12" in names(activation="relu")
    assert "at a batch" not in names(activation="tanh") + names(activation="relu", normalizer="layer")
    assert "|γ|" in names()
    assert "|γ|" not in names(position="after")


def test_own_data_take_the_place_of_the_source() -> None:
    data = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    result = run(plain(**SMALL), data)
    assert not np.array_equal(result.gradient_rms, run(plain(**SMALL)).gradient_rms)
    assert not np.array_equal(result.gradient_rms, run(plain(**SMALL), 2 * data).gradient_rms)
    assert np.isfinite(result.gradient_rms).all()


def test_a_batch_of_one() -> None:
    with pytest.raises(BatchOfOneError, match="Expected more than 1 value per channel when training"):
        run(plain(**(SMALL | {"batch_size": 1})))
    for changes in ({"normalizer": "layer"}, {"normalizer": "group"}, {"normalizer": "none"}):
        assert np.isfinite(run(plain(**(SMALL | {"batch_size": 1} | changes))).gradient_rms).all()


def test_instance_norm_is_refused_in_pytorchs_words() -> None:
    with pytest.raises(OneValueError, match="Expected more than 1 spatial element") as caught:
        run(plain(**SMALL, normalizer="instance"))
    assert "实例归一化" in caught.value.text("zh")


def test_too_much_work_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "train", lambda *_: pytest.fail("training began"))
    with pytest.raises(CostError) as caught:
        run(plain(depth=50, width=512, batch_size=1024, steps=200))
    assert caught.value.reduce == ("depth", "width", "batch_size", "steps")


def test_same_settings_same_numbers() -> None:
    one, other = run(plain(**SMALL)), run(plain(**SMALL))
    np.testing.assert_array_equal(one.gradient_rms, other.gradient_rms)
    np.testing.assert_array_equal(one.preactivations.counts, other.preactivations.counts)


def test_growth_theory_is_that_of_the_closed_form() -> None:
    for activation in ("sigmoid", "tanh", "relu", "gelu"):
        result = run(plain(**(SMALL | {"activation": activation, "eps": 1e-10, "steps": 0})))
        assert result.growth_theory[1] == pytest.approx(growth_batch_norm(activation), rel=1e-4)


def he(**changes: Any) -> Settings:
    scaled = {"init": "scaled", "weight_gain": math.sqrt(2), "bias_std": 0.0, "activation": "relu", "steps": 0}
    return Settings(**(scaled | {"skip": True} | changes))


def test_with_skips_z_grows_like_the_layers_number_with_batch_norm_and_doubles_without() -> None:
    """ℓ + 1 and 2^ℓ at ℓ = 0 …: the closed form exactly, the measurement over seeds, where the widths' chance averages out."""
    results = [run(he(depth=9, width=256, source="gaussian", seed=seed)) for seed in range(6)]
    layers = np.arange(9)
    for result in results:
        np.testing.assert_allclose(result.preactivation_rms_theory[1] ** 2, layers + 1, rtol=1e-4)
        square = result.preactivation_rms_theory[0] ** 2
        np.testing.assert_allclose(square / square[0], 2.0**layers, rtol=1e-6)
    none, batch = np.mean([result.preactivation_rms[:, 0] ** 2 for result in results], axis=0)
    np.testing.assert_allclose(batch, layers + 1, rtol=0.04)
    np.testing.assert_allclose(
        none / none[0], 2.0**layers, rtol=0.25
    )  # six nets whose logarithms scatter by 0.25 at the end


@pytest.mark.parametrize(
    "changes",
    [
        {"depth": 20},
        {"activation": "tanh", "weight_gain": 1.0},
        {"activation": "sigmoid", "init": "torch"},
        {"normalizer": "layer", "bias_std": 0.5},
        {"position": "after", "activation": "tanh", "bias_std": 0.5},
        {"position": "after", "normalizer": "layer"},
        {"gamma": 0.5, "depth": 20},
        {"gamma": 0.0},
    ],
)
def test_growth_with_skips_is_the_predicted_one(changes: dict[str, Any]) -> None:
    rows = comparisons(run(he(width=256, source="gaussian", batch_size=256, **changes)))
    assert [row.quantity.text() for row in rows if not row.explained] == []
    growth = [row for row in rows if row.quantity.text().startswith("growth per layer")]
    assert len(growth) == 2
    assert all(abs(row.relative_difference) < 0.02 for row in growth), "a layer's growth is told to 2 %"
    assert [row.quantity.text()[:14] for row in rows[-2:]] == ["mean square of", "mean square of"]


def test_gamma_of_zero_in_the_branches_lets_the_gradient_pass_unchanged() -> None:
    result = run(he(gamma=0.0, depth=12))
    np.testing.assert_allclose(result.layer_growth[1], 1, rtol=1e-6)
    assert result.preactivation_rms[1, 0, 0] > 0.99, "the first normalizer stands in no branch"
    assert (run(he(gamma=0.0, skip=False, depth=12)).gradient_rms[1, 0, :-1] == 0).all()


@given(
    st.fixed_dictionaries(
        {
            "depth": st.integers(1, 8),
            "width": st.integers(8, 24),
            "steps": st.integers(0, 3),
            "activation": st.sampled_from(["identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]),
            "init": st.sampled_from(["torch", "scaled"]),
            "weight_gain": st.floats(0.05, 5),
            "bias_std": st.floats(0, 5),
            "normalizer": st.sampled_from(["none", "batch", "layer", "group"]),
            "position": st.sampled_from(["none", "before", "after"]),
            "skip": st.booleans(),
            "gamma": st.floats(-5, 5),
            "batch_size": st.integers(2, 20),
            "learning_rate": st.floats(1e-4, 10),
            "eps": st.floats(1e-12, 1),
            "source": st.sampled_from(["digits", "gaussian", "skewed", "bimodal", "uniform"]),
            "seed": st.integers(0, 2**31 - 1),
        }
    )
)
def test_any_setting_gives_a_result_that_holds_together(values: dict[str, Any]) -> None:
    result = run(plain(**values))
    assert np.isfinite(result.gradient_rms[:, 0]).all()
    assert np.isfinite(result.growth).all()
    assert np.isfinite(result.growth_theory).all()
    seen = result.saturated[np.isfinite(result.saturated)]
    assert ((seen >= 0) & (seen <= 1)).all()
    assert (result.preactivations.counts[:, 0].sum(-1) == values["batch_size"] * values["width"]).all()
    for row in comparisons(result):
        assert math.isfinite(row.measured)
        assert math.isfinite(row.predicted)
        assert row.standard_error >= 0
