"""S layers as one: PyTorch's modules for S replicas that are trained at once.

Index letters: S replicas, B samples per batch and replica, C channels or units, G groups. Feature vectors are (S, B, C),
images (B, S·C, H, W): the first suits `torch.baddbmm`, the second grouped convolution. Every parameter and buffer is laid
out replica by replica along its first axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz import work

PRODUCT_SECONDS: Final = 5e-11
VALUE_SECONDS: Final = 4e-9
LAYER_SECONDS: Final = 6e-5
LONG_SECONDS: Final = 5e-4
"""From here on the backward pass of a layer speaks for itself; below, a hook would cost more than it tells."""


def tell_of_layer(output: Tensor, products: int) -> None:
    """Say that a layer with `products` multiplications has given `output`: its share of the work, and what follows it up to the next.

    Twice as much again for the way back, once the gradient of `output` is there.
    """
    if not work.heard():
        return
    seconds = LAYER_SECONDS + PRODUCT_SECONDS * products + VALUE_SECONDS * output.numel()
    if output.requires_grad and seconds >= LONG_SECONDS:

        def back(gradient: Tensor) -> None:
            if gradient.requires_grad:  # whose own gradient will be asked for
                gradient.register_hook(lambda _: work.done(2 * seconds))  # type: ignore[no-untyped-call]
            work.done(2 * seconds)

        output.register_hook(back)  # type: ignore[no-untyped-call]
        work.done(seconds)
    else:
        work.done(3 * seconds if output.requires_grad else seconds)


class StackedLinear(nn.Module):
    """S times `nn.Linear`: (S, B, in) → (S, B, out); weight (S, in, out), bias (S, 1, out) or None."""

    # MKL takes four times as long for a product with few columns as for its transpose.
    NARROW = 16
    # Multiplications in one call: for some tenths of a second nothing could be heard of it.
    AT_ONCE = 2**31

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        with torch.no_grad():
            self.weight = nn.Parameter(torch.stack([layer.weight.t() for layer in layers]).contiguous())
            biases: list[Tensor | None] = [layer.bias for layer in layers]
            present: list[Tensor] = [bias for bias in biases if bias is not None]
            self.bias = nn.Parameter(torch.stack(present).unsqueeze(1)) if present else None

    def forward(self, features: Tensor) -> Tensor:
        """(S, B, out) of `features` (S, B, in)."""
        products = features.numel() * self.weight.shape[2]
        if products <= self.AT_ONCE:
            return self._told(features, self.weight, self.bias)
        replicas = max(1, len(features) * self.AT_ONCE // products)
        parts = [torch.split(part, replicas) for part in (features, self.weight)]
        biases = [None] * len(parts[0]) if self.bias is None else torch.split(self.bias, replicas)
        return torch.cat([self._told(*part) for part in zip(*parts, biases, strict=True)])

    def _told(self, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        output = self._product(features, weight, bias)
        tell_of_layer(output, features.numel() * weight.shape[2])
        return output

    def _product(self, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if bias is None:
            return torch.bmm(features, weight)
        if weight.shape[2] >= self.NARROW:
            return torch.baddbmm(bias, features, weight)
        if features.grad_fn is not None:
            # The gradient of the transpose comes column by column, for which ReLU's backward takes ten times as long.
            size, stride = features.size(), features.stride()
            features.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: gradient.new_empty_strided(size, stride).copy_(gradient)
            )
        product = torch.baddbmm(bias.transpose(1, 2), weight.transpose(1, 2), features.transpose(1, 2))
        return product.transpose(1, 2)


class AcrossReplicas(nn.Module):
    """`norm`, a module for (B, S·C) such as `nn.BatchNorm1d(S·C)`, applied to (S, B, C)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Tensor) -> Tensor:
        """(S, B, C) of `features` (S, B, C)."""
        replicas, batch, channels = features.shape
        output: Tensor = self.norm(features.transpose(0, 1).reshape(batch, replicas * channels))
        return output.view(batch, replicas, channels).transpose(0, 1)


class StackedGroupNorm(nn.Module):
    """S times `nn.GroupNorm(groups, C)` for feature vectors and images; with one group, S times `nn.LayerNorm(C)` for vectors.

    For vectors it is `functional.layer_norm` over each group, which is the same (biased variance) and twice as fast.
    `weight` and `bias` (S·C,).
    """

    def __init__(self, replicas: int, groups: int, channels: int, eps: float) -> None:
        super().__init__()
        self.replicas, self.groups, self.eps = replicas, groups, eps
        self.weight = nn.Parameter(torch.ones(replicas * channels))
        self.bias = nn.Parameter(torch.zeros(replicas * channels))

    def forward(self, values: Tensor) -> Tensor:
        """Normalized `values`, (S, B, C) or (B, S·C, H, W)."""
        if values.dim() == 4:
            return functional.group_norm(values, self.replicas * self.groups, self.weight, self.bias, self.eps)
        replicas, batch, channels = values.shape
        size = channels // self.groups
        normal = functional.layer_norm(values.reshape(replicas, batch, self.groups, size), (size,), eps=self.eps)
        weight, bias = self.weight.view(replicas, 1, channels), self.bias.view(replicas, 1, channels)
        return torch.addcmul(bias, normal.view(replicas, batch, channels), weight)


class StackedDropout(nn.Module):
    """S times `nn.Dropout`, each replica with a generator of its own.

    Draws for one replica exactly what `nn.Dropout` draws from the global generator in the same state.
    """

    def __init__(self, p: float, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.p, self.generators = p, tuple(generators)

    def forward(self, values: Tensor) -> Tensor:
        """`values` (S, B, C) or (B, S·C, H, W), in training with a share p set to 0 and the rest divided by 1 − p."""
        if not self.training or self.p == 0:
            return values
        replicas = len(self.generators)
        per_replica = (
            values.view(len(values), replicas, -1, *values.shape[2:]).transpose(0, 1) if values.dim() == 4 else values
        )
        mask = torch.empty(per_replica.shape, dtype=values.dtype)
        drawn = torch.empty(per_replica.shape[1:], dtype=torch.float64)
        for row, generator in zip(mask, self.generators, strict=True):
            # What `bernoulli_` does, bit for bit, with the draws in a loop of their own: three times as fast.
            torch.lt(drawn.uniform_(generator=generator), 1 - self.p, out=row)
        if self.p < 1:
            mask.div_(1 - self.p)
        return values * (mask.transpose(0, 1).reshape(values.shape) if values.dim() == 4 else mask)


class StackedFlatten(nn.Module):
    """S times `nn.Flatten`: images (B, S·C, H, W), or (B, S·C, L), to feature vectors (S, B, C·H·W)."""

    def __init__(self, replicas: int) -> None:
        super().__init__()
        self.replicas = replicas

    def forward(self, images: Tensor) -> Tensor:
        """(S, B, C·H·W) of `images`."""
        return images.reshape(len(images), self.replicas, -1).transpose(0, 1)


class StackedUnflatten(nn.Module):
    """S times `nn.Unflatten(1, (C, 1))`: feature vectors (S, B, C) to (B, S·C, 1), one position per channel."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, S·C, 1) of `features`."""
        return features.transpose(0, 1).flatten(1).unsqueeze(-1)
