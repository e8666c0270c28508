"""Stacked replicas against S separate trainings with plain PyTorch: nn modules, torch.optim, one loop per replica."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.ghost_batch_norm import GhostBatchNorm1d
from bnviz.core.networks import MLP, MLPShape
from bnviz.core.optimizers import make_optimizer
from bnviz.core.replica_networks import NetworkPlan, build_replicas, plain_network
from bnviz.core.replicas import Replicas
from bnviz.core.streams import PURPOSES, stream, stream_seed
from bnviz.core.training import replica_losses

SEEDS = (3, 8, 21)
STEPS = 15
BATCH = 12
MLP_PLAN = NetworkPlan(inputs=7, classes=4, widths=(12, 20, 16), groups=2)
CNN_PLAN = NetworkPlan(inputs=(2, 8, 8), classes=4, widths=(4, 6), groups=2)
MLP_CASES = [
    ("none", "none"),
    *[(name, place) for name in ("batch", "layer", "group") for place in ("before", "after")],
]
CNN_CASES = [*MLP_CASES, ("instance", "before"), ("instance", "after")]
CASES = [(MLP_PLAN, *case) for case in MLP_CASES] + [(CNN_PLAN, *case) for case in CNN_CASES]
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 0.2}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}),
    ("adam", {"lr": 0.01}),
]


def problem(plan: NetworkPlan, dtype: torch.dtype, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Samples (T, S, B, …) and labels (T, S, B)."""
    generator = torch.Generator().manual_seed(1)
    sample = (plan.inputs,) if isinstance(plan.inputs, int) else plan.inputs
    samples = torch.rand((steps, len(SEEDS), BATCH, *sample), generator=generator, dtype=dtype)
    return samples, torch.randint(0, plan.classes, (steps, len(SEEDS), BATCH), generator=generator)


def train_stacked(plan: NetworkPlan, name: str, options: dict[str, Any], dtype: torch.dtype) -> tuple[Replicas, Tensor]:
    """The stacked network after training, and the losses (T, S)."""
    network = Replicas(
        [plain_network(plan, seed).to(dtype) for seed in SEEDS], [stream(seed, "dropout") for seed in SEEDS]
    )
    rates = options["lr"] if isinstance(options["lr"], tuple) else (options["lr"],) * len(SEEDS)
    optimizer = make_optimizer(name, network.parameters(), rates, options.get("momentum", 0.0))  # type: ignore[arg-type]
    kept = []
    for samples, labels in zip(*problem(plan, dtype), strict=True):
        losses = replica_losses(network(samples), labels)
        losses.sum().backward()
        optimizer.step()
        kept.append(losses.detach())
    return network, torch.stack(kept)


def train_alone(
    plan: NetworkPlan, place: int, name: str, options: dict[str, Any], dtype: torch.dtype
) -> tuple[nn.Sequential, Tensor]:
    """Replica number `place` on its own, Dropout drawing from PyTorch's global generator; losses (T,)."""
    network = plain_network(plan, SEEDS[place]).to(dtype)
    optimizer = (torch.optim.SGD if name == "sgd" else torch.optim.Adam)(network.parameters(), **options)
    kept = []
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(SEEDS[place], "dropout"))
        for samples, labels in zip(*problem(plan, dtype), strict=True):
            loss = functional.cross_entropy(network(samples[place]), labels[place])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            kept.append(loss.detach())
    return network, torch.stack(kept)


def assert_equal_trainings(
    plan: NetworkPlan, name: str, options: dict[str, Any], dtype: torch.dtype, atol: float
) -> None:
    stacked, losses = train_stacked(plan, name, options, dtype)
    fresh = problem(plan, dtype)[0][0]
    stacked.eval()
    logits = stacked(fresh)
    for place in range(len(SEEDS)):
        alone, expected = train_alone(plan, place, name, options, dtype)
        torch.testing.assert_close(losses[:, place], expected, rtol=0, atol=atol)
        torch.testing.assert_close(logits[place], alone.eval()(fresh[place]), rtol=0, atol=atol)
        state, copied = alone.state_dict(), stacked.replica(place).state_dict()
        assert state.keys() == copied.keys()
        for key, value in state.items():
            torch.testing.assert_close(
                copied[key], value, rtol=0, atol=atol, msg=lambda text, key=key: f"{key}: {text}"
            )
        # The comparison would also hold for networks that stand still.
        start = plain_network(plan, SEEDS[place]).to(dtype)
        assert all(
            (state[key] - value).abs().max() > 1e-4 for key, value in start.named_parameters() if key.endswith("weight")
        )


@pytest.mark.parametrize(
    ("name", "options", "dropout"),
    [(*optimizer, dropout) for optimizer, dropout in zip(OPTIMIZERS, (0.0, 0.4, 0.0), strict=True)],
    ids=["sgd", "momentum and dropout", "adam"],
)
@pytest.mark.parametrize(("plan", "normalizer", "position"), CASES)
def test_stacked_equals_separate(
    plan: NetworkPlan, normalizer: Any, position: Any, name: str, options: dict[str, Any], dropout: float
) -> None:
    """In double precision, where rounding (1e-16) stays below 1e-6 even through near-dead ReLU units (each amplifies it by up
    to 1/√eps = 316) and through Adam, which divides the gradient of a bias that a normalizer cancels, itself rounding, by its own size.
    """
    plan = dataclasses.replace(
        plan, normalizer=normalizer, position=position, dropout=dropout, dropout_order="after_norm"
    )
    assert_equal_trainings(plan, name, options, torch.float64, 1e-6)


@pytest.mark.parametrize(("plan", "normalizer", "position"), CASES)
def test_stacked_equals_separate_in_single_precision(plan: NetworkPlan, normalizer: Any, position: Any) -> None:
    """Rounding (6e-8 per operation) grows over the steps: 15 steps of SGD at 0.02 stay within 1e-6 where the problem is well conditioned.

    So tanh: a ReLU unit that is dead in all but one sample hands the normalizer behind it a variance near 0, and every
    such layer multiplies rounding by up to 1/√eps = 316, in plain PyTorch as here. Float64 above covers that case.
    """
    plan = dataclasses.replace(plan, normalizer=normalizer, position=position, activation="tanh")
    assert_equal_trainings(plan, "sgd", {"lr": 0.02}, torch.float32, 1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.5, "dropout_order": "before_norm"},
        {"dropout": 0.5, "dropout_order": "before_norm", "position": "after"},
        {"dropout": 0.5, "dropout_order": "after_last_norm"},
        {"ghost_size": 6},
        {"momentum": None},
        {"ghost_size": 4, "momentum": None},
        {"bias": True},
        {"eps": 0.3},
        {"eps": 0.3, "normalizer": "layer"},
        {"position": "none"},
        {"init": "he", "activation": "tanh"},
        {"init": "normal", "init_std": 0.3, "activation": "sigmoid"},
    ],
    ids=str,
)
def test_every_option_stacks(changes: dict[str, Any]) -> None:
    assert_equal_trainings(dataclasses.replace(MLP_PLAN, **changes), "sgd", {"lr": 0.2}, torch.float64, 1e-6)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=["sgd", "momentum", "adam"])
@pytest.mark.parametrize("plan", [MLP_PLAN, CNN_PLAN], ids=["mlp", "cnn"])
def test_each_replica_may_have_its_own_learning_rate(plan: NetworkPlan, name: str, options: dict[str, Any]) -> None:
    rates = (0.01, 0.1, 0.02)
    stacked, _ = train_stacked(plan, name, {**options, "lr": rates}, torch.float64)
    for place, rate in enumerate(rates):
        alone, _ = train_alone(plan, place, name, {**options, "lr": rate}, torch.float64)
        copied = stacked.replica(place).state_dict()
        for key, value in alone.state_dict().items():
            torch.testing.assert_close(copied[key], value, rtol=0, atol=1e-6)


def test_instance_norm_of_a_feature_vector_is_refused_as_pytorch_refuses_it() -> None:
    plan = dataclasses.replace(MLP_PLAN, normalizer="instance")
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        build_replicas(plan, SEEDS)(torch.rand(3, BATCH, 7))


def test_stacking_leaves_the_plain_networks_alone() -> None:
    networks = [plain_network(MLP_PLAN, seed) for seed in SEEDS]
    before = [parameter.clone() for network in networks for parameter in network.parameters()]
    stacked = Replicas(networks, [stream(seed, "dropout") for seed in SEEDS])
    with torch.no_grad():
        for parameter in stacked.parameters():
            parameter.add_(1)
    after = [parameter for network in networks for parameter in network.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_modules_are_listed_for_hooks() -> None:
    mlp, cnn = build_replicas(MLP_PLAN, SEEDS), build_replicas(CNN_PLAN, SEEDS)
    assert [len(mlp.linears), len(mlp.normalizers), len(mlp.activations)] == [4, 3, 3]
    assert [len(cnn.linears), len(cnn.normalizers), len(cnn.activations)] == [3, 2, 2]
    inner = mlp.normalizers[0].norm
    assert type(inner) is nn.BatchNorm1d
    assert inner.num_features == len(SEEDS) * 12
    assert type(cnn.linears[0]) is nn.Conv2d
    assert cnn.linears[0].groups == len(SEEDS)


def test_what_cannot_be_stacked_is_named() -> None:
    with pytest.raises(TypeError, match="LSTM cannot be stacked"):
        Replicas([nn.Sequential(nn.LSTM(2, 2))], [stream(0, "dropout")])
    with pytest.raises(TypeError, match="feature vectors only"):
        Replicas([nn.Sequential(nn.LayerNorm((2, 3, 3)))], [stream(0, "dropout")])
    with pytest.raises(ValueError, match="as many generators"):
        Replicas([nn.Sequential(nn.ReLU())], [])


def test_weights_are_the_same_for_every_variant_and_as_in_the_other_labs() -> None:
    """Variants are compared at equal weights; PyTorch's own init is drawn as `networks.MLP` draws it."""
    batch = plain_network(MLP_PLAN, 5)
    none = plain_network(dataclasses.replace(MLP_PLAN, normalizer="none", dropout=0.5, dropout_order="after_norm"), 5)
    weights = [[layer.weight for layer in network if isinstance(layer, nn.Linear)] for network in (batch, none)]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    plan = dataclasses.replace(MLP_PLAN, widths=(9, 9))
    ours = [layer for layer in plain_network(plan, 5) if isinstance(layer, nn.Linear)]
    theirs = MLP(MLPShape(7, 4, 2, 9, "relu", "batch"), stream(5, "init")).linears
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine.weight, other.weight)
        assert (mine.bias is None) == (other.bias is None)
        assert mine.bias is None or torch.equal(mine.bias, other.bias)


def test_initial_weights_have_the_spread_they_promise() -> None:
    """40 000 weights: the s.d. of their s.d. is 0.35 %; five of those are allowed."""
    for init, std in (("he", (2 / 200) ** 0.5), ("normal", 0.1), ("torch", (1 / 3 / 200) ** 0.5)):
        plan = NetworkPlan(inputs=200, classes=2, widths=(200,), init=init, normalizer="none")  # type: ignore[arg-type]
        layer = plain_network(plan, 0)[0]
        assert float(layer.weight.detach().std()) == pytest.approx(std, rel=0.018)
        assert bool(layer.bias.any()) == (init == "torch")


def test_ghost_batches_are_batch_norm_on_each_part_in_turn() -> None:
    """Outputs, gradients and running statistics against one nn.BatchNorm1d that sees the parts one after another."""
    torch_norm, ghost = nn.BatchNorm1d(5).double(), GhostBatchNorm1d(5, 4).double()
    with torch.no_grad():
        for module in (torch_norm, ghost):
            module.weight.copy_(torch.linspace(0.5, 1.5, 5))
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        values = torch.randn(12, 5, generator=generator, dtype=torch.float64)
        target = torch.randn(12, 5, generator=generator, dtype=torch.float64)
        one, other = values.clone().requires_grad_(), values.clone().requires_grad_()
        expected = torch.zeros_like(values)
        for part in range(3):
            expected[part::3] = torch_norm(one[part::3])
        torch.testing.assert_close(ghost(other), expected)
        (expected * target).sum().backward()
        (ghost(other) * target).sum().backward()
        torch.testing.assert_close(other.grad, one.grad)
        torch.testing.assert_close(ghost.weight.grad, torch_norm.weight.grad)
        for part in range(3):  # the second forward pass of `ghost` above
            torch_norm(values[part::3])
    for key, value in torch_norm.state_dict().items():
        torch.testing.assert_close(ghost.state_dict()[key], value, msg=key)
    torch.testing.assert_close(ghost.eval()(values), torch_norm.eval()(values))
    with pytest.raises(ValueError, match="cannot be cut"):
        ghost.train()(torch.rand(10, 5).double())


def test_streams_differ_by_seed_and_purpose() -> None:
    seeds = [stream_seed(seed, purpose) for seed in (0, 1, 2**31 - 1) for purpose in PURPOSES]
    assert len(set(seeds)) == len(seeds)
    assert torch.equal(torch.rand(3, generator=stream(4, "order")), torch.rand(3, generator=stream(4, "order")))


def test_dropout_of_everything_leaves_zeros_as_pytorch_does() -> None:
    plan = dataclasses.replace(MLP_PLAN, dropout=1.0, dropout_order="after_last_norm")
    network = build_replicas(plan, SEEDS)
    bias = torch.stack([network.replica(place)[-1].bias for place in range(3)])
    assert torch.equal(network(torch.rand(3, BATCH, 7)), bias.unsqueeze(1).expand(3, BATCH, 4))


def test_no_position_means_no_normalizer() -> None:
    network = plain_network(dataclasses.replace(MLP_PLAN, position="none"), 0)
    assert {type(module) for module in network} == {nn.Linear, nn.ReLU}
    assert all(module.bias is not None for module in network if isinstance(module, nn.Linear))


def test_all_replicas_may_look_at_the_same_samples() -> None:
    """As for decision boundaries: one grid, expanded without a copy."""
    network = build_replicas(MLP_PLAN, SEEDS).eval()
    grid = torch.rand(9, 7)
    logits = network(grid.expand(3, -1, -1))
    for place in range(3):
        torch.testing.assert_close(logits[place], network.replica(place)(grid), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("position", "order", "first", "last"),
    [
        ("before", "none", "Linear BatchNorm1d ReLU", "Linear BatchNorm1d ReLU"),
        ("after", "none", "Linear ReLU BatchNorm1d", "Linear ReLU BatchNorm1d"),
        ("before", "before_norm", "Linear Dropout BatchNorm1d ReLU", "Linear Dropout BatchNorm1d ReLU"),
        ("after", "before_norm", "Linear ReLU Dropout BatchNorm1d", "Linear ReLU Dropout BatchNorm1d"),
        ("before", "after_norm", "Linear BatchNorm1d ReLU Dropout", "Linear BatchNorm1d ReLU Dropout"),
        ("after", "after_norm", "Linear ReLU BatchNorm1d Dropout", "Linear ReLU BatchNorm1d Dropout"),
        ("after", "after_last_norm", "Linear ReLU BatchNorm1d", "Linear ReLU BatchNorm1d Dropout"),
    ],
)
def test_blocks_are_in_the_order_asked_for(position: Any, order: Any, first: str, last: str) -> None:
    plan = dataclasses.replace(MLP_PLAN, widths=(12, 20), position=position, dropout=0.5, dropout_order=order)
    network = plain_network(plan, 0)
    assert " ".join(type(module).__name__ for module in network) == f"{first} {last} Linear"
    assert (network[0].bias is None) == (position == "before")
    assert (plain_network(dataclasses.replace(plan, bias=True), 0)[0].bias is None) is False
    assert (plain_network(dataclasses.replace(plan, bias=False), 0)[0].bias is None) is True


def test_a_convolutional_block_ends_in_pooling() -> None:
    names = [type(module).__name__ for module in plain_network(CNN_PLAN, 0)]
    assert names == [*["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2, "Flatten", "Linear"]
