"""Batch norm's running statistics computed afresh, with the weights as they are."""

from __future__ import annotations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bnviz.core.replica_data import ReplicaData, batch_indices
from bnviz.core.replica_layers import StackedDropout
from bnviz.core.replicas import Replicas


@torch.no_grad()
def recalibrate(network: Replicas, data: ReplicaData, batch_size: int, passes: int, *, dropout: bool = False) -> None:
    """Reset the running statistics and refill them with the plain average over `passes` training batches per replica.

    Nothing is learned; what is not batch norm runs in eval mode, Dropout only where `dropout`. Modes and momentums are
    restored. The batches come from a stream of their own, so that training is not disturbed, but Dropout, where it is on,
    draws from its own.

    Source: PyTorch `torch.optim.swa_utils.update_bn`, which does the same for one network.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momentums = [norm.momentum for norm in norms]
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        for module in network.modules():
            if isinstance(module, _BatchNorm) or (dropout and isinstance(module, StackedDropout)):
                module.train()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for batch in batch_indices(data, batch_size, passes, purpose="recalibration"):
            network(data.samples(batch)[0])
    finally:
        for norm, momentum in zip(norms, momentums, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode
