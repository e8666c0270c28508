"""Batch norm's running statistics computed afresh, with the weights as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bnviz.core.replica_data import ReplicaData, batch_indices
from bnviz.core.replica_layers import StackedDropout
from bnviz.core.replicas import Replicas


def recalibrate(network: Replicas, data: ReplicaData, batch_size: int, passes: int, *, dropout: bool = False) -> None:
    """Reset the running statistics and refill them with the plain average over `passes` training batches per replica.

    The batches come from a stream of their own, so that training is not disturbed; see `refill`.
    """
    batches = batch_indices(data, batch_size, passes, purpose="recalibration")
    refill(network, (data.samples(batch)[0] for batch in batches), dropout=dropout)


def refill(network: nn.Module, batches: Iterable[Tensor], *, dropout: bool = False) -> None:
    """Reset the running statistics of `network` and refill them with the plain average over `batches` of inputs.

    Nothing is learned; what is not batch norm runs in eval mode, stacked Dropout only where not `dropout` (where it is on, it
    draws from its own generators). Modes and momentums are restored.

    Source: PyTorch `torch.optim.swa_utils.update_bn`, which does the same.
    """
    for _ in refilling(network, batches, dropout=dropout):
        pass


def refilling(network: nn.Module, batches: Iterable[Tensor], *, dropout: bool = False) -> Iterator[int]:
    """As `refill`, yielding after every batch how many there were; in between the caller may use the network in any mode."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momentums = [norm.momentum for norm in norms]
    modes = [(module, module.training) for module in network.modules()]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        on = [isinstance(module, _BatchNorm) or (dropout and isinstance(module, StackedDropout)) for module, _ in modes]
        for count, batch in enumerate(batches, start=1):
            for (module, _), training in zip(modes, on, strict=True):
                module.training = training
            with torch.no_grad():
                network(batch)
            yield count
    finally:
        for norm, momentum in zip(norms, momentums, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode
