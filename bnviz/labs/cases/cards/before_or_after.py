"""Before or after the activation: what the next layer receives."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Mean that the next layer receives: batch norm before ReLU, and after it."""
    x = gaussian_batches(4096, 8)()
    before = nn.Sequential(nn.BatchNorm1d(8), nn.ReLU())
    after = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(8))
    return Measured(float(before(x).mean()), float(after(x).mean()))


CASE = Case(
    name="before_or_after",
    family="design",
    symptom=N_("Is batch norm in the wrong place: before or after the activation?"),
    words=N_(
        "before or after activation, before or after ReLU, batch norm order, order of BN and ReLU, position of "
        "batch norm, conv-bn-relu, conv-relu-bn, cnn-relu-bn, conv relu bn, activation after batch norm, "
        "nonlinearity, placement, layer order, pre-activation, ResNet v2, post-activation"
    ),
    threads=(github("keras-team/keras", 1802), github("cvjena/cnn-models", 3)),
    links=(wrong("placement", activation="relu"),),
    look=N_("mean that the next layer receives: batch norm before ReLU, and after it"),
    cause=N_(
        "Before, the activation gets mean 0 and variance 1, and half of ReLU's outputs are 0; after, the next layer"
        " gets them instead. The paper puts it before; both are in use, and both train."
    ),
    cure=N_(
        "Neither is wrong; the lab compares both on real digits, over seeds. With pretrained weights keep the order"
        " that they were trained with."
    ),
    reproduce=reproduce,
    common=True,
)
