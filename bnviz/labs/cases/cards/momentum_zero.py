"""Momentum 0: the running statistics never move."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, after_batches, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Running mean over the true mean after 100 batches: momentum 0, and 0.1."""

    def estimate(momentum: float) -> float:
        norm = after_batches(nn.BatchNorm1d(8, momentum=momentum), gaussian_batches(64, 8), 100)
        return float(running_mean(norm).mean()) / MEAN

    return Measured(estimate(0.0), estimate(0.1))


CASE = Case(
    name="momentum_zero",
    family="statistics",
    symptom=N_("momentum=0: the running statistics stay as they were, whatever the data"),
    words=N_(
        "statistics do not move, momentum 0, momentum zero, momentum=0.0, momentum set to 0, Inception models, "
        "Caffe, moving_average_fraction"
    ),
    threads=(github("Cadene/pretrained-models.pytorch", 5),),
    links=(
        wrong("running_stats", momentums="0.001", steps="50"),
        right("running_stats", momentums="0.1", steps="50"),
    ),
    look=N_("running mean over the true mean after 100 batches: momentum 0 and momentum 0.1"),
    cause=N_(
        "PyTorch's momentum is the weight of the newest batch: with 0 nothing is ever taken over. Frameworks with "
        "the opposite convention use 0 or 1 to switch the update off."
    ),
    cure=N_("Set module.momentum = 0.1 for every batch norm before training on other data."),
    reproduce=reproduce,
)
