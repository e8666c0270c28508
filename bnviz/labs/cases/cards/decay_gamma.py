"""Weight decay on γ pulls the scale of a layer to 0."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """γ after 400 SGD steps without any gradient, learning rate 0.1: weight decay 0.01 on γ, and none.

    What `torch.optim.SGD` does to a parameter whose gradient is 0: the real one costs seconds of imports; a test compares the two.
    """

    def gamma(decay: float) -> float:
        weight = nn.BatchNorm1d(1).weight
        for _ in range(400):
            weight.sub_(0.1 * decay * weight)
        return float(weight)

    return Measured(gamma(0.01), gamma(0.0))


CASE = Case(
    name="decay_gamma",
    family="design",
    symptom=N_("Should weight decay be applied to γ and β of batch norm?"),
    words=N_(
        "weight decay, weight_decay, no weight decay, exclude from weight decay, exclude_from_weight_decay, "
        "no_decay, skip weight decay, weight decay of BN weights, norm parameters, biases and normalization layers,"
        " bias and norm, parameter groups, param groups, pg0, gamma and beta, fix_gamma, LayerNorm, AdamW"
    ),
    threads=(
        github("ultralytics/yolov5", 4104),
        github("apache/mxnet", 9624),
        github("autrainer/autrainer", 166, "pull"),
    ),
    links=(wrong("weight_decay", decayed="all"), right("weight_decay", decayed="weights")),
    look=N_(
        "γ after 400 steps without a gradient (learning rate 0.1): weight decay 0.01 on all parameters, and not on γ"
    ),
    cause=N_(
        "γ sets the scale of the output itself, unlike the weights before batch norm. Decay shrinks it by 1 − ηλ "
        "per step where the loss does not resist: channels fade out, and so do the gradients of the layers before "
        "them."
    ),
    cure=N_(
        "Two parameter groups: decay for tensors with two or more dimensions, none for γ, β and biases. Most "
        "recipes do so; decaying γ on purpose is a way to prune channels."
    ),
    reproduce=reproduce,
)
