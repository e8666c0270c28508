"""What lies along the gradient of a network, and how the gradient turns: one look of the topic `landscape`.

Index letters: S replicas, B samples, K step sizes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.landscape import Landscape, loss_along_gradient
from bnviz.core.replica_data import ReplicaData
from bnviz.core.replicas import Replicas
from bnviz.core.training import replica_losses

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """One network at one point of training, along the gradient g of the batch that comes next; H: second derivatives of its loss."""

    along: Landscape
    """At K steps along g, and at a tiny one."""
    curvature: Floats
    """(S,): gᵀHg."""
    turning: Floats
    """(S,): ‖Hg‖."""


def look(network: Replicas, data: ReplicaData, batch: Tensor, sizes: Floats, tiny: float) -> Look:
    """Look along the gradient of `batch` (S, B), `sizes` (K,) far and `tiny`, in double precision, on a copy: `network` is left as it is.

    In double precision because small differences of losses and gradients are what is wanted.
    """
    copied = copy.deepcopy(network).double().train()
    along = loss_along_gradient(copied, data, batch, [*(float(size) for size in sizes), tiny])
    parameters = list(copied.parameters())
    samples, labels = data.samples(batch)
    gradients = torch.autograd.grad(replica_losses(copied(samples), labels).sum(), parameters, create_graph=True)
    # The replicas do not touch, so that one product with H serves them all.
    still = [gradient.detach() for gradient in gradients]
    products = torch.autograd.grad(gradients, parameters, grad_outputs=still)
    count = copied.count
    bent = torch.cat([product.reshape(count, -1) for product in products], dim=1)
    direction = torch.cat([gradient.reshape(count, -1) for gradient in still], dim=1)
    return Look(along, (bent * direction).sum(1).numpy(), torch.linalg.vector_norm(bent, dim=1).numpy())
