"""Checkpointing runs the forward pass twice, and the running statistics move twice."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """What one batch weighs in the running mean with checkpointing at momentum 0.1, and at 1 − √0.9.

    `torch.utils.checkpoint` runs the forward pass again in the backward pass. Here it is simply run twice: the real one costs a
    second of imports; a test compares the two.
    """

    def weight(momentum: float) -> float:
        norm = nn.BatchNorm1d(1, momentum=momentum)
        after_batches(norm, lambda: torch.tensor([[0.0], [2.0]]), 2)  # mean 1, so that the running mean is the weight
        return float(running_mean(norm))

    return Measured(weight(0.1), weight(1 - 0.9**0.5))


CASE = Case(
    name="updated_twice",
    family="statistics",
    symptom=N_("With gradient checkpointing, the running statistics are updated twice and eval results differ"),
    words=N_(
        "gradient checkpointing, activation checkpointing, torch.utils.checkpoint, recomputation, recompute, "
        "updated twice, update twice, double update, num_batches_tracked, second forward pass, memory efficient"
    ),
    threads=(github("pytorch/pytorch", 96136), github("deepinsight/insightface", 2053)),
    links=(wrong("modes", topic="update_count"),),
    look=N_("weight of one batch in the running mean with checkpointing: momentum 0.1, and momentum 1 − √0.9"),
    cause=N_(
        "Checkpointing runs the forward pass again during the backward pass, and both passes move the statistics. "
        "Any second pass in train mode does the same."
    ),
    cure=N_("momentum = 1 − √(1 − α) for two passes, 1 − (1 − α)^(1/k) for k."),
    reproduce=reproduce,
)
