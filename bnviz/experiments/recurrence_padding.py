"""Padded sequences in the lab `recurrence`: what zeros behind a sequence's end do to the statistics of a time step.

Index letters: N images, T time steps, P batches, m samples per batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.streams import stream
from bnviz.theory.recurrence import padded_mean, padded_var

Floats = NDArray[np.float64]
FEWEST: Final = 2  # real samples in a batch below which batch norm refuses


@dataclass(frozen=True, slots=True)
class Padded:
    """One unit's W_x x at each of T steps, sequences cut after their own length and filled up with zeros.

    `share` (T,): share of the samples that are padding. Averages over batches of the batch statistics, as
    `nn.BatchNorm1d(momentum=None)` keeps them, the variance unbiased: `mean`, `var` (T,) of a module that is given the padded
    batch; `real_mean`, `real_var` (T,) of one that is given the real samples only. `mean_theory`, `var_theory` (T,): what the
    closed form makes of each batch's real samples and its share of padding. NaN where fewer than half of the batches had two real samples.
    """

    share: Floats
    mean: Floats
    var: Floats
    real_mean: Floats
    real_var: Floats
    mean_theory: Floats
    var_theory: Floats


def lengths(images: int, steps: int, padding: float, seed: int) -> Tensor:
    """How many real steps each image has, (N,), 1 … T; on average a share `padding` of all steps is missing.

    T − 1 times u^a steps are cut off, rounded, u uniform on (0, 1) and a such that the mean is right.
    """
    share = padding * steps / (steps - 1)
    if share <= 0:
        return torch.full((images,), steps)
    uniform = torch.rand(images, generator=stream(seed, "padding"), dtype=torch.float64)
    return steps - ((steps - 1) * uniform ** (1 / share - 1)).round().long()


@torch.no_grad()
def padded_statistics(values: Tensor, pad: float, real: Tensor) -> Padded:
    """The statistics of one unit's `values` (P, T, m), of which those that are not `real` (P, T, m) become `pad`."""
    batches, steps, size = values.shape
    filled = torch.where(real, values, torch.tensor(pad, dtype=values.dtype))
    table = np.full((steps, 6), np.nan)
    for step in range(steps):
        naive, masked = (nn.BatchNorm1d(1, momentum=None, affine=False) for _ in range(2))
        expected = []
        for batch in range(batches):
            mask = real[batch, step]
            kept = values[batch, step][mask]
            if len(kept) < FEWEST:
                continue
            naive(filled[batch, step].unsqueeze(1))
            masked(kept.unsqueeze(1))
            expected.append(_expected(kept.double().numpy(), 1 - len(kept) / size, pad, size))
        if 2 * len(expected) >= batches:
            table[step] = (*_kept(naive), *_kept(masked), *np.mean(expected, axis=0))
    share = 1 - real.double().mean(dim=(0, 2)).numpy()
    return Padded(share, *table.T)


def _expected(kept: Floats, share: float, pad: float, size: int) -> tuple[float, float]:
    """Mean and unbiased variance of the padded batch, from its real samples and the share of padding."""
    mean, var = float(kept.mean()), float(kept.var())
    return float(padded_mean(mean, share, pad)), float(padded_var(mean, var, share, pad)) * size / (size - 1)


def _kept(norm: nn.BatchNorm1d) -> tuple[float, float]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return float(norm.running_mean), float(norm.running_var)
