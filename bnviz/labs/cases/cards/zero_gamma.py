"""γ = 0 in the last batch norm of a residual branch starts the block as the identity."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Variance after 16 residual blocks at initialization, 1 at the input: γ = 1 in the branch, and γ = 0."""

    def variance(gamma: float) -> float:
        x = gaussian_batches(256, 64, mean=0, std=1)()
        for block in range(16):
            norm = nn.BatchNorm1d(64)
            nn.init.constant_(norm.weight, gamma)
            x = x + norm(linear(64, 64, seed=block)(x))
        return float(x.var())

    return Measured(variance(1.0), variance(0.0))


CASE = Case(
    name="zero_gamma",
    family="design",
    symptom=N_("The last batch norm of each residual block starts with γ = 0: is that a bug?"),
    words=N_(
        "gamma, gamma zero, zero gamma, gamma=0, zero init, zero_init_residual, zero-initialized, initialized as "
        "zero, initialize BN with zeros, gamma_initializer, scale initialized to 0, residual branch, residual "
        "block, skip connection, ResNet, non-local block, ReZero, Fixup, SkipInit, gradient explosion with ResNet, "
        "γ"
    ),
    threads=(github("google-deepmind/sonnet", 185), github("tensorpack/tensorpack", 420)),
    links=(
        wrong("gradient_flow", activation="relu", init="torch", depth="50", steps="10", skip="true"),
        right("gradient_flow", activation="relu", init="torch", depth="50", steps="10", skip="true", gamma="0"),
    ),
    look=N_("variance after 16 residual blocks at initialization (1 at the input): γ = 1 in every branch, and γ = 0"),
    cause=N_(
        "With γ = 0 every block starts as the identity: the variance stays 1 instead of growing by 1 per block. In "
        "the first step only γ and β of the branch have a gradient; then γ is no longer 0 and the rest follows."
    ),
    cure=N_(
        "Nothing to fix: this is intended (Goyal et al. 2017). Only where there is no skip connection does γ = 0 stop"
        " everything: the output is β."
    ),
    reproduce=reproduce,
)
