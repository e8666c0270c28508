"""Padding is counted into mean and variance."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Running mean over the true mean, 40 % of the steps padding: zeros counted in, and left out."""
    generator, batch = torch.Generator().manual_seed(1), gaussian_batches(256, 1)

    def estimate(*, masked: bool) -> float:
        norm = nn.BatchNorm1d(1, momentum=None)
        for _ in range(50):
            x, real = batch(), torch.rand(256, generator=generator) > 0.4
            norm(x[real] if masked else x * real.unsqueeze(1))
        return float(running_mean(norm)) / MEAN

    return Measured(estimate(masked=False), estimate(masked=True))


CASE = Case(
    name="padded_sequences",
    family="statistics",
    symptom=N_("Batch norm on padded sequences: results depend on how much padding there is"),
    words=N_(
        "padding, padded, mask, masking, masked batch norm, variable length, various length, sequence lengths, zero"
        " padding, sequence-wise, speech, text, point cloud, NestedTensor, ignores mask"
    ),
    threads=(github("pytorch/pytorch", 70529), github("pytorch/pytorch", 25910)),
    links=(wrong("recurrence", topic="steps", padding="0.4"), right("recurrence", topic="steps", padding="0")),
    look=N_("running mean over the true mean, 40 % of the steps padding: zeros counted, and left out"),
    cause=N_(
        "Batch norm uses every position it is given; the zeros after a sequence's end pull the mean towards 0 and "
        "change the variance."
    ),
    cure=N_("Pass the real positions only (index with the mask, write back), or use layer norm per step."),
    reproduce=reproduce,
)
