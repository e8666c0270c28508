"""After few batches the initial values still weigh in the running statistics."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Weight of the initial values in the running statistics after 5 and after 50 batches at momentum 0.1."""

    def left(count: int) -> float:
        norm = nn.BatchNorm1d(1, momentum=0.1)
        running_mean(norm).fill_(1.0)
        after_batches(norm, lambda: torch.tensor([[-1.0], [1.0]]), count)  # batches of mean 0
        return float(running_mean(norm))

    return Measured(left(5), left(50))


CASE = Case(
    name="few_batches",
    family="modes",
    symptom=N_("Validation is only good after some warm-up batches in train mode"),
    words=N_(
        "warm-up, few steps, short training, first epochs, early epochs, cold start, small dataset, schedule-free, "
        "recalibration, precise BN, re-estimate, how many batches, first validation bad"
    ),
    threads=(github("facebookresearch/schedule_free", 60), github("tensorflow/tensorflow", 1122)),
    links=(
        wrong("running_stats", momentums="0.1", steps="5"),
        right("running_stats", momentums="0.1", steps="50"),
        wrong("modes", topic="momentum_error"),
    ),
    look=N_("weight that the initial 0 and 1 still have in the running statistics: after 5 batches and after 50"),
    cause=N_("The initial values keep the weight (1 − α)^t: at momentum 0.1 they still make up 59 % after 5 batches."),
    cure=N_(
        "Some 50 forward passes in train mode without an optimizer step, or momentum=None (the plain average) after"
        " a reset."
    ),
    reproduce=reproduce,
)
