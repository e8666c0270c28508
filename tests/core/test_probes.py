"""The recording looks on: it changes neither numbers nor modes, and takes its hooks off again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bnviz.core.networks import MLP, MLPShape
from bnviz.core.probes import recording

VALUES = torch.randn(9, 12, generator=torch.Generator().manual_seed(4))
LABELS = torch.arange(9) % 10


def network(normalizer: str = "batch", position: str = "before") -> MLP:
    shape = MLPShape(12, 10, 3, 16, "sigmoid", normalizer, position)  # type: ignore[arg-type]
    return MLP(shape, torch.Generator().manual_seed(7))


def by_autograd(mlp: MLP) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs of the activations and gradients there, module by module and without hooks."""
    values, entering = VALUES, []
    for module in mlp.chain:
        if module in mlp.activations:
            entering.append(values)
        values = module(values)
    return entering, list(torch.autograd.grad(nn.functional.cross_entropy(values, LABELS), entering))


@pytest.mark.parametrize("normalizer", ["none", "batch", "layer", "group"])
@pytest.mark.parametrize("position", ["before", "after"])
def test_records_what_autograd_finds_without_hooks(normalizer: str, position: str) -> None:
    watched, plain = network(normalizer, position), network(normalizer, position)
    with recording(watched, watched.activations) as record:
        nn.functional.cross_entropy(watched(VALUES), LABELS).backward()
    nn.functional.cross_entropy(plain(VALUES), LABELS).backward()
    for ours, theirs in zip(watched.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]
    entering, gradients = by_autograd(network(normalizer, position))
    assert len(record.inputs) == 3
    for ours, theirs in zip(record.inputs + record.gradients, entering + gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_copies_nothing() -> None:
    mlp = network("none")
    seen = []
    mlp.activations[0].register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    with recording(mlp, mlp.activations) as record:
        mlp(VALUES)
    assert record.inputs[0] is seen[0]


@pytest.mark.parametrize("training", [True, False])
def test_modes_come_back_even_after_an_error(training: bool) -> None:
    mlp = network()
    mlp.eval()
    mlp.normalizers[1].train()
    before = [module.training for module in mlp.modules()]
    assert len(set(before)) == 2

    def look() -> None:
        with recording(mlp, mlp.activations, training=training):
            assert {module.training for module in mlp.modules()} == {training}
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        look()
    assert [module.training for module in mlp.modules()] == before
    assert not any(module._forward_pre_hooks for module in mlp.modules())


def test_gradients_are_asked_for_too_early() -> None:
    mlp = network()
    with recording(mlp, mlp.activations) as record:
        mlp(VALUES)
    with pytest.raises(RuntimeError, match="backward"):
        _ = record.gradients


def test_without_gradients_inputs_are_recorded_all_the_same() -> None:
    mlp = network()
    with torch.no_grad(), recording(mlp, mlp.activations, training=False) as record:
        mlp(VALUES)
    assert [tuple(entry.shape) for entry in record.inputs] == [(9, 16)] * 3
