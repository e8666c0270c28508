"""What several reproductions need: batches of Gaussian features, and a layer that has seen some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

MEAN: Final = 3.0
"""Mean of the Gaussian features."""
STD: Final = 2.0
"""Standard deviation of the Gaussian features."""

Module = TypeVar("Module", bound=nn.Module)


def gaussian_batches(
    m: int, channels: int, seed: int = 0, mean: float = MEAN, std: float = STD
) -> Callable[[], Tensor]:
    """Batches (m, C) of N(mean, std²), a new one at each call."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: mean + std * torch.randn(m, channels, generator=generator)


@torch.no_grad()
def after_batches(module: Module, batch: Callable[[], Tensor], count: int) -> Module:
    """`module` in eval mode, after `count` forward passes in training mode."""
    module.train()
    for _ in range(count):
        module(batch())
    return module.eval()


def running_mean(norm: nn.Module) -> Tensor:
    """The running mean (C,) of a batch norm that tracks one."""
    mean = norm.running_mean
    assert isinstance(mean, Tensor)
    return mean


def running_var(norm: nn.Module) -> Tensor:
    """The running variance (C,) of a batch norm that tracks one."""
    variance = norm.running_var
    assert isinstance(variance, Tensor)
    return variance


def linear(inputs: int, outputs: int, seed: int = 0) -> nn.Linear:
    """A linear layer with weights N(0, 1/inputs) and bias 0, drawn from a generator of its own."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    assert isinstance(layer, nn.Linear)
    nn.init.normal_(layer.weight, std=inputs**-0.5, generator=torch.Generator().manual_seed(seed))
    nn.init.zeros_(layer.bias)
    return layer


def refusals(*attempts: Callable[[], object]) -> float:
    """How many of `attempts` PyTorch refuses with a ValueError or RuntimeError."""
    count = 0
    for attempt in attempts:
        try:
            attempt()
        except (ValueError, RuntimeError):
            count += 1
    return float(count)
