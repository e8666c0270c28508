"""What a bias in front of batch norm does: the check of the lab `placement`.

Index letters: S replicas, B samples.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from bnviz.core.replica_data import ReplicaData
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.training import replica_losses


@dataclass(frozen=True, slots=True)
class BiasCheck:
    """What random biases in the hidden layers do."""

    effect: float
    """Largest change of any logit when N(0, 1) is added to every hidden unit's `nn.Linear` output."""
    gradient: float
    """Largest gradient of the loss with respect to any of these biases."""


def bias_check(plan: NetworkPlan, data: ReplicaData, batch: Tensor, seed: int) -> BiasCheck:
    """Add biases to the fresh networks of `plan` on one `batch` (S, B), in training mode and double precision.

    In double precision, so that what is left is rounding and cannot be mistaken for a small effect.
    """
    network = build_replicas(plan, data.seeds).double().train()
    samples, labels = dataclasses.replace(data, features=data.features.double()).samples(batch)
    generator = torch.Generator().manual_seed(seed + 2**31)  # a stream that no network is drawn from
    hidden = network.linears[:-1]
    biases = [
        torch.randn(len(data.seeds), 1, width, generator=generator, dtype=torch.float64).requires_grad_()
        for width in plan.widths
    ]
    with torch.no_grad():
        without = network(samples)
    handles = [
        layer.register_forward_hook(lambda _, arguments, output, bias=bias: output + bias)
        for layer, bias in zip(hidden, biases, strict=True)
    ]
    try:
        with_biases = network(samples)
        gradients = torch.autograd.grad(replica_losses(with_biases, labels).sum(), biases)
    finally:
        for handle in handles:
            handle.remove()
    return BiasCheck(
        float((with_biases - without).detach().abs().max()), max(float(part.abs().max()) for part in gradients)
    )
