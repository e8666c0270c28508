"""The networks of all labs but the recurrent ones, one per seed, and the same stacked: perceptrons and small convolutional networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import nn

from bnviz import work
from bnviz.core.activations import make_activation
from bnviz.core.ghost_batch_norm import GhostBatchNorm1d
from bnviz.core.normalizers import group_count, make_normalizer
from bnviz.core.replicas import Replicas
from bnviz.core.streams import stream
from bnviz.settings import ActivationName, InitName, NormalizerName, PositionName

SECONDS: Final = 6e-9  # for each weight that is drawn

DropoutOrder = Literal["none", "before_norm", "after_norm", "after_last_norm"]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What to build.

    `inputs`: number of features for an MLP, or (C, H, W) for a CNN. `widths`: units per hidden layer, or channels per
    convolution (3×3, padding 1, each block ending in `nn.MaxPool2d(2)`). A block is layer → [normalizer] → activation
    (`position` "before") or layer → activation → [normalizer] ("after"); an `nn.Linear` with the logits ends the network.

    `bias` of the hidden layers; None: as it is naturally written, no bias right in front of batch norm.
    `init`, with n inputs per unit: "torch" PyTorch's own, uniform on ±1/√n for weights and biases; "he" N(0, 2/n), biases 0; "normal"
    N(0, `init_std`²), biases 0; "scaled" N(0, `weight_gain`²/n), biases N(0, `bias_std`²), in the hidden layers only: the last one is
    PyTorch's own. `gamma`: what every γ of the normalizers starts with.
    `dropout` with `dropout_order`: "before_norm" right in front of each normalizer, "after_norm" at the end of each block,
    "after_last_norm" at the end of the last block only. `ghost_size`: batch norm over ghost batches of that size.
    `groups` of group norm; None: `group_count`. `momentum` of batch norm; None: cumulative average.
    """

    inputs: int | tuple[int, int, int]
    classes: int
    widths: tuple[int, ...]
    activation: ActivationName = "relu"
    normalizer: NormalizerName = "batch"
    position: PositionName = "before"
    bias: bool | None = None
    init: InitName = "torch"
    init_std: float = 0.1
    weight_gain: float = 1.0
    bias_std: float = 0.0
    gamma: float = 1.0
    dropout: float = 0.0
    dropout_order: DropoutOrder = "none"
    ghost_size: int | None = None
    groups: int | None = None
    momentum: float | None = 0.1
    eps: float = 1e-5

    @property
    def normalized(self) -> bool:
        """Whether there is a normalizer at all."""
        return self.normalizer != "none" and self.position != "none"


def plain_network(plan: NetworkPlan, seed: int) -> nn.Sequential:
    """The network of `plan` from PyTorch's own modules, its weights drawn from the seed's own stream.

    The same seed gives the same weights for every normalizer, position and Dropout: a bias is drawn even where none is kept.
    """
    return network_of(plan, stream(seed, "init"))


def network_of(plan: NetworkPlan, generator: torch.Generator) -> nn.Sequential:
    """The network of `plan`, its weights drawn from `generator`, layer by layer, a layer's bias behind its weights."""
    layers: list[nn.Module] = []
    channels = plan.inputs if isinstance(plan.inputs, int) else plan.inputs[0]
    for number, width in enumerate(plan.widths):
        layers += _block(plan, channels, width, generator, last=number == len(plan.widths) - 1)
        channels = width
    if not isinstance(plan.inputs, int):
        layers.append(nn.Flatten())
        shrunk = 2 ** len(plan.widths)
        channels *= (plan.inputs[1] // shrunk) * (plan.inputs[2] // shrunk)
    output = nn.Linear(channels, plan.classes, device="meta").to_empty(device="cpu")
    return nn.Sequential(*layers, _initialized(output, plan, generator, hidden=False))


def build_replicas(plan: NetworkPlan, seeds: Sequence[int]) -> Replicas:
    """The networks of `plan` for all `seeds`, stacked."""
    return Replicas([plain_network(plan, seed) for seed in seeds], [stream(seed, "dropout") for seed in seeds])


def _block(plan: NetworkPlan, inputs: int, width: int, generator: torch.Generator, *, last: bool) -> list[nn.Module]:
    image = not isinstance(plan.inputs, int)
    natural = not (plan.normalized and plan.normalizer == "batch" and plan.position == "before")
    bias = natural if plan.bias is None else plan.bias
    layer: nn.Linear | nn.Conv2d
    if image:
        layer = nn.Conv2d(inputs, width, 3, padding=1, bias=bias, device="meta").to_empty(device="cpu")
    else:
        layer = nn.Linear(inputs, width, bias=bias, device="meta").to_empty(device="cpu")
    block: list[nn.Module] = [_initialized(layer, plan, generator, hidden=True), make_activation(plan.activation)]
    drop = [nn.Dropout(plan.dropout)] if plan.dropout > 0 else []
    if plan.normalized:
        before = drop if plan.dropout_order == "before_norm" else []
        index = 1 if plan.position == "before" else 2
        block[index:index] = [*before, _normalizer(plan, width, image=image)]
    if plan.dropout_order == "after_norm" or (plan.dropout_order == "after_last_norm" and last):
        block += drop
    return [*block, nn.MaxPool2d(2)] if image else block


def _normalizer(plan: NetworkPlan, width: int, *, image: bool) -> nn.Module:
    module = _fresh_normalizer(plan, width, image=image)
    for key, parameter in module.named_parameters():
        if key.endswith("weight"):
            nn.init.constant_(parameter, plan.gamma)
    return module


def _fresh_normalizer(plan: NetworkPlan, width: int, *, image: bool) -> nn.Module:
    groups = plan.groups or group_count(width)
    if plan.normalizer == "group":
        return nn.GroupNorm(groups, width, eps=plan.eps)
    if plan.normalizer == "batch" and image:
        return nn.BatchNorm2d(width, eps=plan.eps, momentum=plan.momentum)
    if plan.normalizer == "batch" and plan.ghost_size is not None:
        return GhostBatchNorm1d(width, plan.ghost_size, eps=plan.eps, momentum=plan.momentum)
    if plan.normalizer == "batch":
        return nn.BatchNorm1d(width, eps=plan.eps, momentum=plan.momentum)
    if plan.normalizer == "layer" and image:
        return nn.GroupNorm(1, width, eps=plan.eps)
    if plan.normalizer == "instance" and image:
        return nn.InstanceNorm2d(width, eps=plan.eps, affine=True)
    return make_normalizer(plan.normalizer, width, eps=plan.eps)


def _initialized(
    layer: nn.Linear | nn.Conv2d, plan: NetworkPlan, generator: torch.Generator, *, hidden: bool
) -> nn.Module:
    inputs, units = layer.weight[0].numel(), len(layer.weight)
    with torch.no_grad():
        if plan.init == "torch" or (plan.init == "scaled" and not hidden):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            drawn = torch.empty(units).uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)
        elif plan.init == "scaled":
            layer.weight.normal_(0.0, plan.weight_gain / math.sqrt(inputs), generator=generator)
            drawn = torch.empty(units).normal_(0.0, plan.bias_std, generator=generator)
        else:
            std = math.sqrt(2 / inputs) if plan.init == "he" else plan.init_std
            layer.weight.normal_(0.0, std, generator=generator)
            drawn = torch.zeros(units)
        if layer.bias is not None:
            layer.bias.copy_(drawn)
    work.done(SECONDS * layer.weight.numel())
    return layer
