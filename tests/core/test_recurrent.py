"""Recurrent cells against PyTorch's own modules, and stacked ones against each replica alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from bnviz.core.recurrent import RecurrentLayer
from bnviz.core.recurrent_networks import RecurrentPlan, build_recurrent, layer_and_output
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.training import TrainingPlan, train

CELLS: dict[Any, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
VARIANTS: tuple[Any, ...] = ("none", "batch_per_step", "batch_shared", "batch_input_only", "layer")


def plan_of(cell: Any, variant: Any, **changes: Any) -> RecurrentPlan:
    return RecurrentPlan(
        **{"cell": cell, "variant": variant, "steps": 8, "inputs": 8, "width": 12, "classes": 10} | changes
    )


def alone(plan: RecurrentPlan, seed: int) -> nn.Sequential:
    """The network of one seed, made of PyTorch's own modules."""
    return build_recurrent(plan, (seed,)).replica(0)


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_normalizer_it_is_pytorchs_own_module(cell: Any) -> None:
    layer = alone(plan_of(cell, "none"), 3)[0].double()
    theirs = CELLS[cell](8, 12, batch_first=True).double()
    ours = {
        "weight_ih_l0": layer.inputs.weight,
        "bias_ih_l0": layer.inputs.bias,
        "weight_hh_l0": layer.hidden.weight,
        "bias_hh_l0": layer.hidden.bias,
    }
    theirs.load_state_dict(ours)
    sequences = torch.randn(5, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    states = layer.states(sequences)
    expected = theirs(sequences.view(5, 8, 8))[0]
    torch.testing.assert_close(torch.stack(states, dim=1), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(layer(sequences), expected[:, -1], rtol=0, atol=1e-12)
    states[-1].square().sum().backward()
    expected[:, -1].square().sum().backward()
    for name, parameter in ours.items():
        torch.testing.assert_close(parameter.grad, getattr(theirs, name).grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("cell", CELLS)
def test_stacked_seeds_train_as_each_alone(cell: Any, variant: Any) -> None:
    """Both in double precision, so that nothing but a mistake can tell them apart; with Adam, whose step amplifies rounding."""
    plan, seeds, steps, size = plan_of(cell, variant), (2, 7), 5, 16
    data = digits_data(seeds)
    data = type(data)(data.features.double(), data.labels, data.seeds, data.train, data.test)
    network = build_recurrent(plan, seeds).double()
    train(network, data, TrainingPlan(steps, size, (steps,), learning_rate=0.02, optimizer="adam"))
    batches = batch_indices(data, size, steps)
    for place, seed in enumerate(seeds):
        single = alone(plan, seed).double().train()
        optimizer = torch.optim.Adam(single.parameters(), lr=0.02)
        for batch in batches[:, place]:
            optimizer.zero_grad()
            functional.cross_entropy(single(data.features[batch]), data.labels[batch]).backward()
            optimizer.step()
        copied = network.replica(place)
        assert isinstance(copied[0], RecurrentLayer)
        assert copied.state_dict().keys() == single.state_dict().keys()
        for name, value in copied.state_dict().items():
            torch.testing.assert_close(value, single.state_dict()[name], rtol=0, atol=1e-6, check_dtype=False)
        test = data.features[data.test[place]]
        torch.testing.assert_close(copied.eval()(test), single.eval()(test), rtol=0, atol=1e-6)


def test_all_variants_start_from_the_same_weights() -> None:
    networks = [alone(plan_of("lstm", variant), 4) for variant in VARIANTS]
    for other in networks[1:]:
        assert torch.equal(networks[0][0].inputs.weight, other[0].inputs.weight)
        assert torch.equal(networks[0][0].hidden.weight, other[0].hidden.weight)
        assert torch.equal(networks[0][1].weight, other[1].weight)


def test_weights_are_uniform_as_in_pytorch() -> None:
    layer = alone(plan_of("lstm", "none", width=100), 0)[0]
    theirs = nn.LSTM(8, 100)
    for ours, weight in ((layer.inputs.weight, theirs.weight_ih_l0), (layer.hidden.weight, theirs.weight_hh_l0)):
        assert ours.abs().max() <= 0.1 + 1e-7
        assert ours.std().item() == pytest.approx(weight.std().item(), rel=0.05)


def test_batch_norm_per_step_stands_where_cooijmans_puts_it() -> None:
    plan = plan_of("lstm", "batch_per_step", gamma=0.5)
    layer = alone(plan, 1)[0].double().train()
    sequences = torch.randn(9, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def normal(values: torch.Tensor) -> torch.Tensor:
        return 0.5 * (values - values.mean(0)) / (values.var(0, unbiased=False) + plan.eps).sqrt()

    h = c = torch.zeros(9, 12, dtype=torch.float64)
    for x in sequences.view(9, 8, 8).unbind(1):
        gates = normal(x @ layer.inputs.weight.t()) + normal(h @ layer.hidden.weight.t())
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * normal(c).tanh()
    torch.testing.assert_close(layer(sequences), h, rtol=0, atol=1e-12)


def test_layer_norm_and_input_only_stand_where_they_are_said_to() -> None:
    sequences = torch.randn(9, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    steps = sequences.view(9, 8, 8)
    layer = alone(plan_of("rnn", "layer"), 1)[0].double()
    h = torch.zeros(9, 12, dtype=torch.float64)
    for x in steps.unbind(1):
        h = torch.tanh(
            functional.layer_norm(x @ layer.inputs.weight.t(), (12,))
            + functional.layer_norm(h @ layer.hidden.weight.t(), (12,))
        )
    torch.testing.assert_close(layer(sequences), h, rtol=0, atol=1e-12)

    layer = alone(plan_of("rnn", "batch_input_only"), 1)[0].double()
    terms = steps @ layer.inputs.weight.t()
    terms = (terms - terms.mean((0, 1))) / (terms.var((0, 1), unbiased=False) + 1e-5).sqrt()
    h = torch.zeros(9, 12, dtype=torch.float64)
    for x in terms.unbind(1):
        h = torch.tanh(x + layer.hidden(h))
    torch.testing.assert_close(layer(sequences), h, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", ["batch_per_step", "batch_shared"])
def test_one_gamma_for_all_steps_and_statistics_as_said(variant: Any) -> None:
    layer, _ = layer_and_output(build_recurrent(plan_of("lstm", variant), (0, 1)))
    layer(torch.rand(2, 6, 64))
    modules = 8 if variant == "batch_per_step" else 1
    for norms in (layer.input_norms, layer.hidden_norms, layer.cell_norms):
        assert len(norms) == modules
        assert len({id(norm.norm.weight) for norm in norms}) == len({id(norm.norm.bias) for norm in norms}) == 1
        assert {int(norm.norm.num_batches_tracked) for norm in norms} == {8 // modules}
    assert len(list(layer.parameters())) == 2 + 2 * 3
