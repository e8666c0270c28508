"""Padded sequences in the lab `recurrence`: what zeros behind a sequence's end do to the statistics of a time step.

Index letters: N images, T time steps, P batches, m samples per batch.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.streams import stream
from bnviz.labs.recurrence.steps.experiment.modules import numbers, statistics
from bnviz.labs.recurrence.steps.result import Padded
from bnviz.theory.recurrence import padded_mean, padded_var

Floats = NDArray[np.float64]
FEWEST: Final = 2  # real samples in a batch below which batch norm refuses


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
    counts = real.sum(2)
    usable = counts >= FEWEST
    filled = torch.where(real, values, torch.tensor(pad, dtype=values.dtype))
    table = np.stack(
        [
            *_naive(filled, usable),
            *_masked(values, real, counts),
            *_expected(values.double().numpy(), real.numpy(), usable.numpy(), pad),
        ]
    )
    table[:, (2 * usable.sum(0) < len(usable)).numpy()] = np.nan
    return Padded(1 - real.double().mean(dim=(0, 2)).numpy(), *table)


def _naive(filled: Tensor, usable: Tensor) -> tuple[Floats, Floats]:
    """Mean and variance (T,) that a module of each step keeps of the `usable` (P, T) ones among the `filled` batches (P, T, m).

    The T modules are one with T channels, to which each step brings its usable batches first: after as many calls its channel
    has seen these and no other.
    """
    norm = nn.BatchNorm1d(filled.shape[1], momentum=None, affine=False)
    usable_first = (~usable).byte().argsort(dim=0, stable=True)
    kept = [torch.stack(statistics(norm))]
    for batch in filled.take_along_dim(usable_first.unsqueeze(2), 0).transpose(1, 2).contiguous():
        norm(batch)
        kept.append(torch.stack(statistics(norm)))
    mean, var = torch.stack(kept).take_along_dim(usable.sum(0).view(1, 1, -1), 0)[0]
    return numbers(mean), numbers(var)


def _masked(values: Tensor, real: Tensor, counts: Tensor) -> tuple[Floats, Floats]:
    """Mean and variance (T,) that a module of each step keeps of the `real` ones among `values`, `counts` (P, T) of them."""
    batches, steps = counts.shape
    norms = [nn.BatchNorm1d(1, momentum=None, affine=False) for _ in range(steps)]
    parts = torch.split(values[real].unsqueeze(1), counts.flatten().tolist())
    for norm, part in zip(norms * batches, parts, strict=True):
        if len(part) >= FEWEST:
            norm(part)
    mean, var = (torch.cat(part) for part in zip(*map(statistics, norms), strict=True))
    return numbers(mean), numbers(var)


def _expected(values: Floats, real: NDArray[np.bool_], usable: NDArray[np.bool_], pad: float) -> tuple[Floats, Floats]:
    """Mean and unbiased variance (T,) of the padded batches, from the `real` ones of `values` (P, T, m) and the share of padding."""
    size, counts = values.shape[2], real.sum(axis=2)
    mean = (values * real).sum(axis=2) / np.maximum(counts, 1)
    var = ((values - mean[..., None]) ** 2 * real).sum(axis=2) / np.maximum(counts, 1)
    share = 1 - counts / size
    means, variances = padded_mean(mean, share, pad), padded_var(mean, var, share, pad) * size / (size - 1)
    total = np.maximum(usable.sum(axis=0), 1)
    return (means * usable).sum(axis=0) / total, (variances * usable).sum(axis=0) / total
