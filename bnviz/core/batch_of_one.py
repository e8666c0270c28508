"""Whether PyTorch's batch norm takes a batch at all, asked before any work is done."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.errors import BatchOfOneError


def refuse_batch_of_one(batch_size: int, width: int) -> None:
    """Raise BatchOfOneError, with PyTorch's own words, where `nn.BatchNorm1d(width)` refuses `batch_size` samples in train mode."""
    try:
        nn.BatchNorm1d(width)(torch.zeros(batch_size, width))
    except ValueError as error:
        raise BatchOfOneError(error) from error
