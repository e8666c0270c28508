"""Dropout before batch norm: the variance that the running statistics learn is not there in eval mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Variance after batch norm in eval mode, Dropout (p = 0.5) before it and after it; in train mode it is 1."""

    def variance(*, before: bool) -> float:
        generator = torch.Generator().manual_seed(0)

        def batch() -> Tensor:
            x = torch.randn(256, 64, generator=generator)
            mask = torch.rand(x.shape, generator=generator) < 0.5
            return x * mask / 0.5 if before else x  # what nn.Dropout(0.5) does in training

        norm = after_batches(nn.BatchNorm1d(64, momentum=None, affine=False), batch, 50)
        return float(norm(torch.randn(2048, 64, generator=generator)).var())

    return Measured(variance(before=True), variance(before=False))


CASE = Case(
    name="dropout_before_norm",
    family="modes",
    symptom=N_("Dropout and batch norm together make evaluation worse"),
    words=N_(
        "dropout, variance shift, disharmony, order of dropout, dropout before or after, combine dropout, dropout "
        "layer, which one first"
    ),
    threads=(github("pythonlessons/mltu", 41), github("luigibonati/mlcolvar", 205, "pull")),
    links=(
        wrong("builder", dropout="0.5", dropout_place="before_norm"),
        right("builder", dropout="0.5", dropout_place="end"),
        wrong("noise", topic="shift", order="dropout_before_norm"),
        right("noise", topic="shift", order="dropout_after_norm"),
    ),
    look=N_(
        "variance after batch norm in eval mode (in train mode it is 1): Dropout with p = 0.5 before it, and after it"
    ),
    cause=N_(
        "Dropout raises the variance that the running statistics learn. In eval mode it is off, and the input "
        "varies less than they say."
    ),
    cure=N_("Put Dropout after the last batch norm, or re-estimate the running statistics with Dropout off."),
    reproduce=reproduce,
)
