"""A fixed layer in front of batch norm, run batch by batch through PyTorch's own modules, everything on the way kept.

Index letters: T batches, m samples per batch, C channels, H, W height and width (`Conv2d` only).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

LayerName = Literal["linear", "conv"]


@dataclass(frozen=True, slots=True)
class Recording:
    """What happened on the way, one tensor (m, C) or (m, C, H, W) per batch.

    `inputs` enter batch norm, `scaled` leave it, `outputs` leave the activation. `running` (T+1, 2, C): running mean
    and variance before the first batch and after each; None where none are kept.
    """

    inputs: list[Tensor]
    scaled: list[Tensor]
    outputs: list[Tensor]
    running: NDArray[np.float32] | None


def seeded_layer(kind: LayerName, inputs: int, channels: int, generator: torch.Generator) -> nn.Linear | nn.Conv2d:
    """`nn.Linear(inputs, channels)` or `nn.Conv2d(inputs, channels, 3, padding=1)`, initialized from `generator`.

    The weights are those that `torch.manual_seed` and the constructor would give; the generator that all sessions of a
    server share is left alone.
    """
    layer = _Linear(inputs, channels) if kind == "linear" else _Conv2d(inputs, channels, 3, padding=1)
    bound = layer.weight[0].numel() ** -0.5
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer.requires_grad_(False)


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Left to `seeded_layer`: the constructor's way would draw from the shared generator."""


class _Conv2d(nn.Conv2d):
    def reset_parameters(self) -> None:
        """Left to `seeded_layer`: the constructor's way would draw from the shared generator."""


def scaled_and_shifted(values: Tensor, scale: float, shift: float) -> Tensor:
    """`values`·scale + shift; a step that changes nothing is left out."""
    if scale != 1:
        values = values * scale
    return values + shift if shift else values


def warm_up(layer: nn.Module, norm: _BatchNorm, batches: Iterable[Tensor], scale: float, shift: float) -> None:
    """Show `norm` the batches in training mode, keeping nothing but its running estimates."""
    norm.train()
    with torch.inference_mode():
        for batch in batches:
            norm(scaled_and_shifted(layer(batch), scale, shift))


def record(
    layer: nn.Module,
    norm: _BatchNorm,
    activation: nn.Module,
    batches: Iterable[Tensor],
    scale: float,
    shifts: Sequence[float],
) -> Recording:
    """Run layer → ·scale + shift → norm → activation over as many `batches` as there are `shifts`, in `norm`'s mode."""
    inputs: list[Tensor] = []
    scaled: list[Tensor] = []
    outputs: list[Tensor] = []
    with torch.inference_mode():
        estimates = _joined_estimates(norm)
        running = None if estimates is None else np.empty((len(shifts) + 1, *estimates.shape), np.float32)
        # A NumPy view follows the layer's updates, and copying it costs next to nothing.
        newest = None if estimates is None else estimates.numpy()
        if running is not None:
            running[0] = newest
        for step, (shift, batch) in enumerate(zip(shifts, batches, strict=False), start=1):
            before = scaled_and_shifted(layer(batch), scale, shift)
            after = norm(before)
            inputs.append(before)
            scaled.append(after)
            outputs.append(activation(after))
            if running is not None:
                running[step] = newest
        return Recording(inputs, scaled, outputs, running)


def _joined_estimates(norm: _BatchNorm) -> Tensor | None:
    """(2, C): one storage for running mean and variance, which `norm` goes on updating; one copy reads both."""
    if norm.running_mean is None or norm.running_var is None:
        return None
    joined = torch.stack([norm.running_mean, norm.running_var])
    norm.running_mean, norm.running_var = joined[0], joined[1]
    return joined
