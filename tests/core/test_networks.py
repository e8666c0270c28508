"""Normalizers against their definition, networks against `torch.nn` and its own random numbers."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from bnviz.core.networks import MLP, MLPShape, sgd_step
from bnviz.core.normalizers import NORMALIZERS, group_count, make_normalizer
from bnviz.settings import Normalizer, NormalizerName

EPS, GAMMA = 0.3, -1.75
SHAPE = MLPShape(inputs=12, classes=10, depth=3, width=16, activation="tanh")


def by_hand(values: Tensor, name: NormalizerName) -> Tensor:
    """The definition: which values share a mean and a biased variance."""
    n, c = values.shape
    groups = {"batch": None, "layer": 1, "group": group_count(c)}[name]
    rows = values.T if groups is None else values.reshape(n * groups, c // groups)
    centred = rows - rows.mean(1, keepdim=True)
    normal = centred / (centred.square().mean(1, keepdim=True) + EPS).sqrt()
    return GAMMA * (normal.T if groups is None else normal.reshape(n, c))


@pytest.mark.parametrize("name", ["batch", "layer", "group"])
def test_normalizers_do_what_their_definition_says(name: NormalizerName) -> None:
    values = torch.randn(9, 24, generator=torch.Generator().manual_seed(1)).double() * 3 + 1
    module = make_normalizer(name, 24, eps=EPS, gamma=GAMMA).double()
    torch.testing.assert_close(module(values), by_hand(values, name), rtol=1e-12, atol=1e-12)


def test_the_registry_holds_every_name_of_the_parameter_table() -> None:
    assert tuple(NORMALIZERS) == get_args(get_args(Normalizer)[0])
    kinds = {name: type(make_normalizer(name, 16)) for name in ("none", "batch", "layer", "group")}
    assert kinds == {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "group": nn.GroupNorm}


def test_instance_norm_of_a_feature_vector_is_refused_by_pytorch() -> None:
    module = make_normalizer("instance", 16, gamma=2.0)
    with pytest.raises(ValueError, match="Expected more than 1 spatial element"):
        module(torch.randn(8, 16))
    assert set(dict(module.named_parameters())["1.weight"].tolist()) == {2.0}


@pytest.mark.parametrize(
    ("channels", "groups"), [(8, 2), (9, 1), (12, 3), (13, 1), (16, 4), (24, 6), (32, 8), (35, 7), (128, 8), (512, 8)]
)
def test_group_count(channels: int, groups: int) -> None:
    assert group_count(channels) == groups
    nn.GroupNorm(groups, channels)


@pytest.mark.parametrize("normalizer", ["none", "batch", "layer", "group"])
@pytest.mark.parametrize("position", ["none", "before", "after"])
def test_order_of_the_modules_and_their_biases(normalizer: str, position: str) -> None:
    shape = MLPShape(12, 10, 2, 16, "elu", normalizer, position)  # type: ignore[arg-type]
    network = MLP(shape, torch.Generator())
    norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "group": nn.GroupNorm}.get(normalizer)
    block: list[type[nn.Module]] = [nn.Linear, nn.ELU]
    if norm and position != "none":
        block.insert(1 if position == "before" else 2, norm)
    assert [type(module) for module in network.chain] == [*block, *block, nn.Linear]
    assert [module for module in network.chain if isinstance(module, nn.ELU)] == list(network.activations)
    redundant = normalizer == "batch" and position == "before"
    assert [layer.bias is None for layer in network.linears] == [redundant, redundant, False]
    assert len(list(network.parameters())) == len({id(p) for p in network.parameters()})


def test_every_variant_has_the_same_weights() -> None:
    networks = [
        MLP(MLPShape(12, 10, 3, 16, "relu", normalizer, position, init=init), torch.Generator().manual_seed(5))  # type: ignore[arg-type]
        for init in ("torch", "scaled")
        for normalizer, position in itertools.product(("none", "batch", "layer"), ("before", "after"))
    ]
    for first, other in itertools.chain(itertools.product(networks[:1], networks[1:6])):
        for a, b in zip(first.linears, other.linears, strict=True):
            assert torch.equal(a.weight, b.weight)
    assert not torch.equal(networks[0].linears[0].weight, networks[6].linears[0].weight)


def test_default_initialization_is_that_of_nn_linear_to_the_bit() -> None:
    network = MLP(SHAPE, torch.Generator().manual_seed(11))
    with torch.random.fork_rng():
        torch.manual_seed(11)
        plain = [nn.Linear(12, 16), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 10)]
    for ours, theirs in zip(network.linears, plain, strict=True):
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)


def test_scaled_initialization_has_the_variances_it_says() -> None:
    shape = MLPShape(400, 10, 2, 500, "relu", init="scaled", weight_gain=3.0, bias_std=0.5)
    network = MLP(shape, torch.Generator().manual_seed(2))
    for layer, inputs in zip(network.linears[:2], (400, 500), strict=True):
        # 200 000 and more normal numbers: the standard deviation is known to 0.2 %, of 500 biases to 3.2 %.
        assert float(layer.weight.detach().std()) == pytest.approx(3 / inputs**0.5, rel=0.008)
        assert float(layer.bias.std()) == pytest.approx(0.5, rel=0.13)
        assert abs(float(layer.weight.mean())) < 4 * 3 / inputs**0.5 / layer.weight.numel() ** 0.5
    assert float(network.linears[2].weight.abs().max()) <= 1 / 500**0.5  # the last layer keeps nn.Linear's own


def test_drawing_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    MLP(SHAPE, torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.random.get_rng_state())


def test_sgd_step_is_that_of_torch() -> None:
    ours, theirs = (MLP(SHAPE, torch.Generator().manual_seed(3)) for _ in range(2))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.37)
    values = torch.randn(7, 12, generator=torch.Generator().manual_seed(4))
    for _ in range(3):
        ours(values).square().sum().backward()
        sgd_step(ours.parameters(), 0.37)
        theirs(values).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.grad is None
