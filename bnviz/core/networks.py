"""One multilayer perceptron whose modules are known by what they are, so that it can be looked into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnviz.core.replica_networks import NetworkPlan, network_of
from bnviz.settings import ActivationName, InitName, NormalizerName, PositionName


@dataclass(frozen=True, slots=True)
class MLPShape:
    """An MLP: `depth` hidden layers of `width` units between `inputs` features and `classes` logits.

    Each hidden layer is `nn.Linear` → [normalizer] → activation (`position` "before") or `nn.Linear` → activation →
    [normalizer] ("after"). As PyTorch code is naturally written, an `nn.Linear` right in front of batch norm has
    `bias=False` (batch norm would take the bias away again); every other has a bias.

    `skip`: a skip connection around all that stands between two activations, so that what enters an activation is what entered the
    one before plus the branch between them. `gamma` is then that of the normalizers in the branches; one that stands in no branch,
    in front of the first activation or behind the last, keeps γ = 1.

    `init` "torch" or "scaled": see `NetworkPlan`.
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
    skip: bool = False

    @property
    def normalized(self) -> bool:
        """Whether there is a normalizer at all."""
        return self.normalizer != "none" and self.position != "none"

    @property
    def plan(self) -> NetworkPlan:
        """The same as a plan."""
        return NetworkPlan(
            self.inputs,
            self.classes,
            (self.width,) * self.depth,
            self.activation,
            self.normalizer,
            self.position,
            init=self.init,
            weight_gain=self.weight_gain,
            bias_std=self.bias_std,
            gamma=self.gamma,
            eps=self.eps,
        )


class MLP(nn.Module):
    """The network of a shape; `linears` (depth + 1), `normalizers` and `activations` (depth each) list its modules."""

    def __init__(self, shape: MLPShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        self.chain = network_of(shape.plan, generator)
        *hidden, _output = self.chain
        stride = 3 if shape.normalized else 2
        activation = 2 if shape.normalized and shape.position == "before" else 1
        # Tuples of modules are not registered a second time: `chain` owns them.
        self.linears = tuple(module for module in self.chain if isinstance(module, nn.Linear))
        self.activations = tuple(hidden[activation::stride])
        self.normalizers = tuple(hidden[3 - activation :: stride]) if shape.normalized else ()
        self._between = _split(self.chain, self.activations) if shape.skip else ()
        if shape.skip and shape.normalized:
            outside = self.normalizers[0 if shape.position == "before" else -1]
            for name, parameter in outside.named_parameters():
                if name.endswith("weight"):
                    nn.init.ones_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, classes) of `features` (N, inputs)."""
        logits: Tensor
        if not self.shape.skip:
            logits = self.chain(features)
            return logits
        stem, *branches, head = self._between
        *inner, last = self.activations
        values = _through(stem, features)
        for activation, branch in zip(inner, branches, strict=True):
            values = values + _through(branch, activation(values))
        logits = _through(head, last(values))
        return logits


def _split(chain: nn.Sequential, at: Iterable[nn.Module]) -> tuple[tuple[nn.Module, ...], ...]:
    """The modules before, between and behind those in `at`."""
    ends = set(at)
    parts: list[list[nn.Module]] = [[]]
    for module in chain:
        if module in ends:
            parts.append([])
        else:
            parts[-1].append(module)
    return tuple(map(tuple, parts))


def _through(modules: Iterable[nn.Module], values: Tensor) -> Tensor:
    for module in modules:
        values = module(values)
    return values


def sgd_step(parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
    """One step of plain SGD, p ← p − learning_rate·gradient, gradients forgotten: `torch.optim.SGD.step` and `zero_grad`.

    Written out because the first optimizer of a process imports `torch._dynamo`, two seconds on a small machine.
    """
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.add_(parameter.grad, alpha=-learning_rate)
                parameter.grad = None
