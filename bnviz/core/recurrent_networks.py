"""The recurrent classifiers of the lab `recurrence`, one per seed, and the same stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from bnviz.core.recurrent import GATES, RecurrentLayer
from bnviz.core.replicas import Replicas
from bnviz.core.streams import stream
from bnviz.settings import CellName, RecurrentVariantName

BATCH: Final = ("batch_per_step", "batch_shared", "batch_input_only")


@dataclass(frozen=True, slots=True)
class RecurrentPlan:
    """What to build: a `RecurrentLayer` over T = `steps` steps of `inputs` numbers, and an `nn.Linear` on its last state.

    `variant`, what is normalized, with γ starting at `gamma` and β at 0:

    - "none": nothing.
    - "batch_per_step": batch norm of W_x x_t, of W_h h and, in an LSTM, of the cell in front of its tanh, with statistics of
      its own for every step and one γ and β for all (Cooijmans 2016, arXiv:1603.09025).
    - "batch_shared": the same places, but one `nn.BatchNorm1d` each that is called T times per pass.
    - "batch_input_only": batch norm of W_x x_t over all steps and samples of the batch (Laurent 2015, arXiv:1510.01378).
    - "layer": `nn.LayerNorm` in the places of "batch_per_step" (Ba 2016, arXiv:1607.06450).

    A linear map right in front of a normalizer has no bias: β is one. `momentum` of batch norm; None: cumulative average.
    """

    cell: CellName
    variant: RecurrentVariantName
    steps: int
    inputs: int
    width: int
    classes: int
    gamma: float = 1.0
    momentum: float | None = 0.1
    eps: float = 1e-5


def build_recurrent(plan: RecurrentPlan, seeds: Sequence[int]) -> Replicas:
    """The networks of `plan` for all `seeds`, stacked; the weights of each are drawn from the seed's own stream.

    As in `nn.LSTM`, every weight and bias of the layer is uniform on ±1/√H. The same seed gives the same weights for every
    variant: a bias is drawn even where none is kept.
    """
    # Nothing in a fresh normalizer depends on the seed, and stacking copies: one set of them does for all.
    norms = _normalizers(plan)
    return Replicas([_network(plan, seed, norms) for seed in seeds], [stream(seed, "dropout") for seed in seeds])


def layer_and_output(network: Replicas) -> tuple[RecurrentLayer, nn.Module]:
    """The recurrent layer of a `build_recurrent` network, and the linear one behind it."""
    assert isinstance(network.chain, nn.Sequential)
    layer, output = network.chain
    assert isinstance(layer, RecurrentLayer)
    return layer, output


def set_gamma(network: Replicas, gamma: float) -> None:
    """Let every γ in the recurrent layer of a `build_recurrent` network be `gamma`."""
    layer, _ = layer_and_output(network)
    for norm in (*layer.input_norms, *layer.hidden_norms, *layer.cell_norms):
        nn.init.constant_(getattr(norm, "norm", norm).weight, gamma)


def _network(plan: RecurrentPlan, seed: int, norms: list[list[nn.Module]]) -> nn.Sequential:
    generator = stream(seed, "init")
    gates, bound = GATES[plan.cell] * plan.width, plan.width**-0.5
    inputs = _linear(plan.inputs, gates, bound, generator, bias=plan.variant == "none")
    hidden = _linear(plan.width, gates, bound, generator, bias=plan.variant in ("none", "batch_input_only"))
    output = _linear(plan.width, plan.classes, bound, generator, bias=True)
    frames = plan.variant == "batch_input_only"
    return nn.Sequential(RecurrentLayer(plan.cell, plan.steps, inputs, hidden, *norms, frames=frames), output)


def _normalizers(plan: RecurrentPlan) -> list[list[nn.Module]]:
    """Those of W_x x, of W_h h and of the cell, as far as there are any."""
    gates = GATES[plan.cell] * plan.width
    copies = plan.steps if plan.variant == "batch_per_step" else 1
    places = [gates, gates, plan.width] if plan.cell == "lstm" else [gates, gates]
    used = {"none": 0, "batch_input_only": 1}.get(plan.variant, len(places))
    return [[_normalizer(plan, channels) for _ in range(copies)] for channels in places[:used]]


def _normalizer(plan: RecurrentPlan, channels: int) -> nn.Module:
    batched = nn.BatchNorm1d(channels, eps=plan.eps, momentum=plan.momentum)
    norm = batched if plan.variant in BATCH else nn.LayerNorm(channels, eps=plan.eps)
    nn.init.constant_(norm.weight, plan.gamma)
    return norm


def _linear(inputs: int, outputs: int, bound: float, generator: torch.Generator, *, bias: bool) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=bias, device="meta")
    layer.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator))
    drawn = torch.empty(outputs).uniform_(-bound, bound, generator=generator)
    if bias:
        layer.bias = nn.Parameter(drawn)
    return layer
