"""The loss along the gradient: how far a step may go before the gradient that suggested it is out of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.replica_data import ReplicaData
from bnviz.core.replicas import Replicas
from bnviz.core.training import replica_losses


@dataclass(frozen=True, slots=True)
class Landscape:
    """Along p − step·gradient, for each replica and each of K steps.

    `loss` (S, K): mean cross-entropy of the same batch. `gradient_change` (S, K): Euclidean distance of the gradient there
    from the gradient at the start, over all parameters. `start_loss` (S,) and `gradient_norm` (S,): at the start.
    """

    loss: NDArray[np.float64]
    gradient_change: NDArray[np.float64]
    start_loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]


def loss_along_gradient(network: Replicas, data: ReplicaData, batch: Tensor, step_sizes: Sequence[float]) -> Landscape:
    """Look along the gradient of the training batch `batch` (S, B) in training mode; the network is left as it was.

    Meant for networks without Dropout, whose noise would count as change.

    Source: Santurkar et al. 2018, arXiv:1805.11604, figure 4.
    """
    parameters = list(network.parameters())
    saved = {name: value.clone() for name, value in network.state_dict().items()}
    was_training = network.training
    network.train()
    samples, labels = data.samples(batch)

    def loss_and_gradient() -> tuple[Tensor, Tensor]:
        loss = replica_losses(network(samples), labels)
        gradients = torch.autograd.grad(loss.sum(), parameters)
        return loss.detach(), torch.cat([gradient.reshape(network.count, -1) for gradient in gradients], dim=1)

    try:
        start, direction = loss_and_gradient()
        pieces = torch.split(direction, [parameter.numel() // network.count for parameter in parameters], dim=1)
        losses, changes = [], []
        for size in step_sizes:
            with torch.no_grad():
                for (name, parameter), piece in zip(network.named_parameters(), pieces, strict=True):
                    parameter.copy_(saved[name] - size * piece.reshape(parameter.shape))
            loss, gradient = loss_and_gradient()
            losses.append(loss)
            changes.append(torch.linalg.vector_norm(gradient - direction, dim=1))
    finally:
        network.load_state_dict(saved)
        network.train(was_training)
    return Landscape(
        torch.stack(losses, dim=1).double().numpy(),
        torch.stack(changes, dim=1).double().numpy(),
        start.double().numpy(),
        torch.linalg.vector_norm(direction, dim=1).double().numpy(),
    )
