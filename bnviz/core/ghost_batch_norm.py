"""Ghost batches: batch norm whose statistics come from parts of the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class GhostBatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d` that in training treats a batch (B, C) as B / `ghost_size` batches, one after another.

    Ghost batch i holds the rows i, i + n, i + 2n … with n = B / ghost_size: the order of a batch is random, and taken so
    no number has to move. Running statistics move n times per batch, exactly as if one `nn.BatchNorm1d` had seen the
    ghost batches in turn (unbiased variance stored, biased variance used). In eval mode it is `nn.BatchNorm1d`.

    Raises: ValueError where `ghost_size` does not divide B, and PyTorch's own where it is 1.
    Source: Hoffer, Hubara & Soudry 2017, arXiv:1705.08741.
    """

    def __init__(self, num_features: int, ghost_size: int, eps: float = 1e-5, momentum: float | None = 0.1) -> None:
        super().__init__(num_features, eps=eps, momentum=momentum)
        self.ghost_size = ghost_size

    def forward(self, input: Tensor) -> Tensor:
        """Normalized (B, C) of `input` (B, C)."""
        if not self.training:
            return super().forward(input)
        if len(input) % self.ghost_size:
            raise ValueError(f"a batch of {len(input)} cannot be cut into ghost batches of {self.ghost_size}")
        ghosts = len(input) // self.ghost_size
        mean = input.new_zeros(ghosts * self.num_features)
        variance = torch.ones_like(mean)
        output = functional.batch_norm(
            input.reshape(self.ghost_size, -1),
            mean,
            variance,
            self.weight.repeat(ghosts),
            self.bias.repeat(ghosts),
            training=True,
            momentum=1.0,  # the buffers above then hold each ghost batch's own statistics
            eps=self.eps,
        )
        self._follow(mean.view(ghosts, -1), variance.view(ghosts, -1))
        return output.view_as(input)

    @torch.no_grad()
    def _follow(self, means: Tensor, variances: Tensor) -> None:
        """Move the running estimates as the ghost batches' `means` and `variances` (n, C), one by one, would."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        ghosts = len(means)
        self.num_batches_tracked += ghosts
        if self.momentum is None:
            weights = means.new_full((ghosts,), 1 / int(self.num_batches_tracked))
        else:
            ages = torch.arange(ghosts - 1, -1, -1, dtype=means.dtype)
            weights = self.momentum * (1 - self.momentum) ** ages
        left = 1 - float(weights.sum())
        self.running_mean.mul_(left).add_(weights @ means)
        self.running_var.mul_(left).add_(weights @ variances)
