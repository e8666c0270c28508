"""A constant channel has variance 0, and batch norm magnifies what is left of it."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Output in eval mode for an input 1 off after 300 constant batches: ε = 1e-5, and ε = 1."""

    def output(eps: float) -> float:
        norm = after_batches(nn.BatchNorm1d(1, eps=eps), lambda: torch.full((32, 1), 3.0), 300)
        return float(norm(torch.tensor([[4.0]])))

    return Measured(output(1e-5), output(1.0))


CASE = Case(
    name="constant_input",
    family="statistics",
    symptom=N_("Constant input: batch norm gives huge values, or ±1 instead of 0"),
    words=N_(
        "constant input, constant channel, constant feature, all zeros, zero variance, dead channel, numeric "
        "instability, numerical stability, very large value, catastrophic cancellation, blows up, low variance, "
        "large mean, amplifies noise"
    ),
    threads=(github("pytorch/pytorch", 5410), github("torch/nn", 770)),
    look=N_("output for an input that is off by 1, after 300 constant batches, in eval mode: ε = 1e-5, and ε = 1"),
    cause=N_(
        "The variance is 0 up to rounding, so ε alone stands in the denominator: x is divided by √ε. Rounding of "
        "the mean, or the smallest deviation at test time, is magnified 316 times at ε = 1e-5."
    ),
    cure=N_(
        "Remove constant channels, center large values before the network, or raise ε to the variance that matters."
    ),
    reproduce=reproduce,
)
