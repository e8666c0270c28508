"""Convolution or linear layer and the batch norm behind it as one layer, held against the two: what an export will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from bnviz.inspect.evidence import Folding
from bnviz.theory.folding import UNIT_ROUNDOFF

SAMPLES = 4
SIDE = 8
# What is rounded on the two ways: the layer's output and the norm's, and the folded weights and the folded layer's output.
ROUNDINGS = 4


@torch.no_grad()
def foldings(model: nn.Module, pairs: Sequence[tuple[str, str]]) -> tuple[Folding, ...]:
    """Fold each pair of names and compare the outputs on standard normal noise, in eval mode and the layer's own precision."""
    model.eval()
    modules = dict(model.named_modules())
    found = (_folding(names, modules[names[0]], modules[names[1]]) for names in pairs)
    return tuple(part for part in found if part is not None)


def _folding(names: tuple[str, str], layer: nn.Module, norm: nn.Module) -> Folding | None:
    if not isinstance(norm, _BatchNorm) or norm.running_var is None or norm.running_mean is None:
        return None
    inputs = _noise(layer)
    if inputs is None:
        return None
    try:
        fused: Any = (
            fuse_linear_bn_eval(layer, norm)
            if isinstance(layer, nn.Linear)
            else fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, _ConvTransposeNd))  # type: ignore[type-var]
        )
        apart, together = norm(layer(inputs)), fused(inputs)
    except Exception:
        return None  # what cannot be folded is not: parametrized weights, other shapes
    # Beside the spread of each channel, which is what a later layer reads: a large common offset would hide the loss of digits.
    channels = apart.double().transpose(0, 1).reshape(apart.shape[1], -1)
    scale = float((channels - channels.mean(dim=1, keepdim=True)).square().mean().sqrt())
    error = float((apart.double() - together.double()).abs().max())
    # Each of them may be off by this at the largest output.
    rounding = ROUNDINGS * _roundoff(apart) * float(apart.double().abs().max())
    return Folding(
        *names,
        error=error / scale if scale else error,
        rounding=rounding / scale if scale else rounding,
        largest_weight=float(fused.weight.abs().max()),
    )


def _roundoff(values: Tensor) -> float:
    return UNIT_ROUNDOFF.get(str(values.dtype).removeprefix("torch."), UNIT_ROUNDOFF["float32"])


def _noise(layer: nn.Module) -> Tensor | None:
    """A few inputs of the kind that `layer` takes, from a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(layer, nn.Linear):
        shape: tuple[int, ...] = (SAMPLES, layer.in_features)
    elif isinstance(layer, nn.modules.conv._ConvNd):
        kernel = [dilation * (size - 1) + 1 for dilation, size in zip(layer.dilation, layer.kernel_size, strict=True)]
        shape = (SAMPLES, layer.in_channels, *(max(SIDE, size) for size in kernel))
    else:
        return None
    weight: Tensor = layer.weight
    return torch.randn(shape, generator=generator).to(device=weight.device, dtype=weight.dtype)
