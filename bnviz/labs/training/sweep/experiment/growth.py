"""How long the hidden layers' weights have become, and how long the gradients were that they met, replica by replica.

Before a normalizer the length of the weights has no effect, so the gradient stands at right angles to them, and plain SGD
makes them longer by Pythagoras: ‖W‖² grows by η²‖g‖² in every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.replicas import Replicas

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Growth:
    """Of all hidden layers together, weights and biases."""

    start: Floats
    """(S,): ‖W‖² when it began."""
    now: Floats
    """(S,): ‖W‖² now."""
    gradients: Floats
    """(S,): Σ‖g‖² since."""


def growth_of(network: Replicas) -> Callable[[], Growth]:
    """Watch `network`, and return what tells its `Growth` so far. The hooks live as long as the network."""
    parameters = [parameter for layer in network.linears[:-1] for parameter in layer.parameters()]
    gradients = torch.zeros(network.count, dtype=torch.float64)

    def add(parameter: Tensor) -> None:
        if parameter.grad is not None:
            gradients.add_(_squares(parameter.grad, network.count))

    for parameter in parameters:
        parameter.register_post_accumulate_grad_hook(add)  # type: ignore[no-untyped-call]

    def length() -> Floats:
        with torch.no_grad():
            return sum((_squares(part, network.count) for part in parameters), torch.zeros(())).numpy()

    start = length()
    return lambda: Growth(start, length(), gradients.numpy().copy())


def _squares(values: Tensor, count: int) -> Tensor:
    rows = values.detach().reshape(count, -1)
    lengths: Tensor = torch.linalg.vector_norm(rows, dim=1).double()
    return lengths.square()
