"""Builds the planned block out of `torch.nn` and sends one batch through it, module by module."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnviz.core.replica_layers import StackedDropout
from bnviz.labs.builder.result import Tensors
from bnviz.labs.builder.stage import Stage


@dataclass(frozen=True, slots=True)
class Trial:
    """One batch on its way through the modules."""

    inputs: Tensor
    """What went in."""
    outputs: list[Tensor]
    """What left each module that ran."""
    refusal: str
    """PyTorch's own words where one refused, else ""."""


def build(stages: Sequence[Stage], generator: torch.Generator) -> tuple[nn.Sequential, str]:
    """The modules of `stages` up to the first that PyTorch refuses to make, and its words ("" where it makes all).

    Weights are those that the constructors give after `torch.manual_seed`, drawn from `generator`; the one that all
    sessions share is left alone.
    """
    block = nn.Sequential()
    for stage in stages:
        kind = getattr(nn, stage.module)
        try:
            module = kind(*stage.arguments, **stage.options) if stage.role != "layer" else _layer(stage, generator)
        except ValueError as error:
            return block, f"ValueError: {error}"
        block.append(module)
    return block, ""


def _layer(stage: Stage, generator: torch.Generator) -> nn.Module:
    kind: type[nn.Module] = getattr(nn, stage.module)
    layer: nn.Module = nn.utils.skip_init(kind, *stage.arguments, **stage.options)  # type: ignore[no-untyped-call]
    weight, bias = layer.get_parameter("weight"), getattr(layer, "bias", None)
    bound = weight[0].numel() ** -0.5
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    if isinstance(bias, Tensor):
        nn.init.uniform_(bias, -bound, bound, generator=generator)
    return layer


def send(block: nn.Sequential, inputs: Tensor, generator: torch.Generator) -> Trial:
    """Send `inputs` through the modules in the block's mode; Dropout draws from `generator` what it would from the global one."""
    outputs: list[Tensor] = []
    values = inputs
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # InstanceNorm1d on (N, C): the page warns in its own words
        for module in block:
            try:
                values = _dropped(module, values, generator) if isinstance(module, nn.Dropout) else module(values)
            except (ValueError, RuntimeError) as error:
                return Trial(inputs, outputs, f"{type(error).__name__}: {error}")
            outputs.append(values)
    return Trial(inputs, outputs, "")


def _dropped(module: nn.Dropout, values: Tensor, generator: torch.Generator) -> Tensor:
    seeded = StackedDropout(module.p, (generator,)).train(module.training)
    dropped: Tensor = seeded(values.flatten(1).unsqueeze(0))
    return dropped.view(values.shape)


def tensors_of(block: nn.Module) -> tuple[Tensors, ...]:
    """The block's `state_dict()`, entry by entry."""
    trained = {name for name, parameter in block.named_parameters() if parameter.requires_grad}
    return tuple(
        Tensors(name, tuple(value.shape), str(value.dtype).removeprefix("torch."), value.numel(), name in trained)
        for name, value in block.state_dict().items()
    )
