"""Weights before batch norm have no scale: decay does not make the function smaller."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Relative change of the output when decay has halved the weights: followed by batch norm, and without."""
    x = gaussian_batches(64, 16)()

    def change(after: nn.Module) -> float:
        layer = linear(16, 16)
        before = after(layer(x))
        layer.weight.mul_(0.5)
        return float((after(layer(x)) - before).norm() / before.norm())

    return Measured(change(nn.BatchNorm1d(16)), change(nn.Identity()))


CASE = Case(
    name="decay_without_effect",
    family="design",
    symptom=N_("L2 regularization does not regularize a network with batch norm"),
    words=N_(
        "L2, L2 regularization, weight decay has no effect, weight norm grows, scale invariant, scale-invariant "
        "weights, effective learning rate, normalize the weights, overfitting, regularization, disable "
        "regularization, AdamP, angular update, weight normalization, learning rate has no effect"
    ),
    threads=(
        github("leela-zero/leela-zero", 785),
        github("LeelaChessZero/lczero-training", 138, "pull"),
        github("clovaai/AdamP", 13),
    ),
    links=(wrong("weight_decay"), right("weight_decay", batch_norm="false")),
    look=N_("relative change of the output when decay has halved the weights: followed by batch norm, and without"),
    cause=N_(
        "Batch norm divides out the length of the weights. Decay only shortens them, and shorter weights have"
        " larger gradients: it sets the angle per step, that is the effective learning rate (about √(2ηλ))."
    ),
    cure=N_(
        "Tune η·λ as one number. To regularize, use augmentation, label smoothing or Dropout at the end; decay "
        "still works on layers without batch norm after them."
    ),
    reproduce=reproduce,
)
