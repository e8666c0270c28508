"""Moments of what enters a normalization layer, per channel and between samples.

Index letters: n samples, P values that each sample brings to a channel's statistic, C channels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bnviz.inspect.evidence import Array, Call, Kind


def by_channel(values: Tensor, kind: Kind, channels: int) -> Tensor:
    """`values` as (n, C, P) float32; the channel is axis 1, of a layer norm the last `channels` elements."""
    values = values.detach()
    if values.dtype is not torch.float64:
        values = values.float()
    if kind == "layer":
        return values.reshape(values.shape[0], -1, channels).transpose(1, 2)
    if values.ndim == 1:
        values = values.unsqueeze(0)
    return values.reshape(values.shape[0], values.shape[1], -1)


@torch.no_grad()
def measured(inputs: Tensor, output: Tensor, kind: Kind, channels: int, batch: int, number: int) -> Call:
    """What one call took and gave."""
    x = by_channel(inputs, kind, channels)
    n, _, per_sample = x.shape
    # Relative to one of the values, so that a large common offset costs no digits.
    start = x[:1, :, :1]
    shifted = x - start
    offset = shifted.mean(dim=(0, 2))
    mean = start.reshape(-1).double() + offset.double() if x.device.type != "mps" else start.reshape(-1) + offset
    centred = shifted - offset[:, None]
    squares = centred.square().mean(dim=2)
    var = squares.mean(dim=0)
    undefined = torch.full_like(var, torch.nan)
    between = centred.mean(dim=2).square().sum(dim=0) / (n - 1) if n > 1 else undefined
    var_error = (squares - var).square().sum(dim=0).div(n - 1).sqrt() / n**0.5 if n > 1 else undefined
    y = by_channel(output, kind, channels)
    return Call(
        batch=batch,
        number=number,
        n=n,
        per_sample=per_sample,
        mean=_row(mean),
        var=_row(var),
        between=_row(between),
        var_error=_row(var_error),
        largest=float(x.abs().max()) if x.numel() else 0.0,
        nonfinite=int(x.numel() - torch.isfinite(x).sum()),
        output_largest=_row(y.amax(dim=(0, 2))),
    )


def _row(values: Tensor) -> Array:
    return np.array(values.to(device="cpu", dtype=torch.float64).numpy())
