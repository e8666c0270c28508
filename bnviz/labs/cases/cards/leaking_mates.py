"""In train mode, samples of one batch know of each other."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """How many of the 31 others' outputs change when one sample of the batch is changed: batch norm, layer norm."""
    one = gaussian_batches(32, 8)()
    other = one.clone()
    other[0] = -other[0]

    def moved(norm: nn.Module) -> float:
        return float((norm(one) != norm(other)).any(dim=1)[1:].sum())

    return Measured(moved(nn.BatchNorm1d(8)), moved(nn.LayerNorm(8)))


CASE = Case(
    name="leaking_mates",
    family="batch",
    symptom=N_("The model cheats: samples of one batch know about each other"),
    words=N_(
        "information leak, leaked, leakage, intra-batch communication, contrastive learning, MoCo, SimCLR, BYOL, "
        "self-supervised, shuffling BN, shuffle BN, ShuffleBN, single GPU, cheating, shortcut, batch-mates, samples"
        " influence each other"
    ),
    threads=(github("facebookresearch/moco", 137), github("warpem/miss-alignment", 6)),
    links=(
        wrong("modes", topic="influence", mode="train"),
        right("modes", topic="influence", mode="eval"),
        wrong("noise", topic="mates"),
    ),
    look=N_("how many of the 31 others' outputs change when one sample is changed: batch norm, and layer norm"),
    cause=N_(
        "In train mode every output depends on the whole batch through mean and variance, and gradients flow the "
        "same way."
    ),
    cure=N_(
        "Layer or group norm, statistics over shuffled parts of the batch (as MoCo does), or eval mode where "
        "gradients are not needed."
    ),
    reproduce=reproduce,
)
