"""Multilayer perceptrons of PyTorch's own modules, with a normalizer before or after every activation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from bnviz.core.activations import make_activation
from bnviz.core.normalizers import make_normalizer
from bnviz.settings import ActivationName, NormalizerName, PositionName

InitName = Literal["torch", "scaled"]


@dataclass(frozen=True, slots=True)
class MLPShape:
    """An MLP: `depth` hidden layers of `width` units between `inputs` features and `classes` logits.

    Each hidden layer is `nn.Linear` → [normalizer] → activation (`position` "before") or `nn.Linear` → activation →
    [normalizer] ("after"). As PyTorch code is naturally written, an `nn.Linear` right in front of batch norm has
    `bias=False` (batch norm would take the bias away again); every other has a bias.

    `init` "torch" is `nn.Linear`'s own: uniform on ±1/√n for weights and biases, n = inputs of the layer. "scaled" draws
    the hidden layers' weights from N(0, weight_gain²/n) and their biases from N(0, bias_std²); the last layer keeps
    `nn.Linear`'s own, so that the scale acts on hidden layers only.
    """

    inputs: int
    classes: int
    depth: int
    width: int
    activation: ActivationName
    normalizer: NormalizerName = "none"
    position: PositionName = "before"
    gamma: float = 1.0
    eps: float = 1e-5
    init: InitName = "torch"
    weight_gain: float = 1.0
    bias_std: float = 0.0

    @property
    def normalized(self) -> bool:
        """Whether there is a normalizer at all."""
        return self.normalizer != "none" and self.position != "none"

    @property
    def hidden_bias(self) -> bool:
        """Whether hidden layers have a bias: not right in front of batch norm."""
        return not (self.normalizer == "batch" and self.position == "before")


class MLP(nn.Module):
    """The network of a shape; `linears` (depth + 1), `normalizers` and `activations` (depth each) list its modules."""

    def __init__(self, shape: MLPShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        linears: list[nn.Linear] = []
        normalizers: list[nn.Module] = []
        activations: list[nn.Module] = []
        chain: list[nn.Module] = []
        features = shape.inputs
        for _ in range(shape.depth):
            linears.append(_linear(features, shape.width, shape, generator, hidden=True))
            activations.append(make_activation(shape.activation))
            block = [linears[-1], activations[-1]]
            if shape.normalized:
                normalizers.append(make_normalizer(shape.normalizer, shape.width, eps=shape.eps, gamma=shape.gamma))
                block.insert(1 if shape.position == "before" else 2, normalizers[-1])
            chain += block
            features = shape.width
        linears.append(_linear(features, shape.classes, shape, generator, hidden=False))
        # Tuples of modules are not registered a second time: `chain` owns them.
        self.linears, self.normalizers, self.activations = tuple(linears), tuple(normalizers), tuple(activations)
        self.chain = nn.Sequential(*chain, linears[-1])

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, classes) of `features` (N, inputs)."""
        logits: Tensor = self.chain(features)
        return logits


def _linear(inputs: int, outputs: int, shape: MLPShape, generator: torch.Generator, *, hidden: bool) -> nn.Linear:
    """One `nn.Linear`. A bias is drawn even where there is none, so that every variant gets the same weights."""
    bias = shape.hidden_bias or not hidden
    layer = nn.Linear(inputs, outputs, bias=bias, device="meta").to_empty(device="cpu")  # not drawn twice
    drawn = torch.empty(outputs)
    with torch.no_grad():
        if shape.init == "torch" or not hidden:
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            nn.init.uniform_(drawn, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)
        else:
            nn.init.normal_(layer.weight, 0.0, shape.weight_gain / math.sqrt(inputs), generator=generator)
            nn.init.normal_(drawn, 0.0, shape.bias_std, generator=generator)
        if bias:
            layer.bias.copy_(drawn)
    return layer


def sgd_step(parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
    """One step of plain SGD, p ← p − learning_rate·gradient, gradients forgotten: `torch.optim.SGD.step` and `zero_grad`.

    Written out because the first optimizer of a process imports `torch._dynamo`, two seconds on a small machine.
    """
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.add_(parameter.grad, alpha=-learning_rate)
                parameter.grad = None
