"""Instance norm of a 1×1 map has one value to average."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import refusals
from bnviz.labs.cases.case import Case, Measured, github


def reproduce() -> Measured:
    """Forward passes that PyTorch refuses for an input (8, 4, 1, 1): instance norm, and group norm with one group."""
    x = torch.randn(8, 4, 1, 1, generator=torch.Generator().manual_seed(0))
    return Measured(refusals(lambda: nn.InstanceNorm2d(4)(x)), refusals(lambda: nn.GroupNorm(1, 4)(x)))


CASE = Case(
    name="one_spatial_element",
    family="errors",
    symptom=N_("ValueError: Expected more than 1 spatial element when training (InstanceNorm)"),
    words=N_(
        "InstanceNorm, InstanceNorm1d, InstanceNorm2d, instance normalization, spatial element, spatial dimension "
        "1, 1×1, number of elements == 1, style transfer, bottleneck, U-Net, pix2pix, input too small, GroupNorm "
        "gives zeros"
    ),
    threads=(github("pytorch/pytorch", 45687), github("pytorch/pytorch", 19250)),
    look=N_("forward passes refused for an input of shape (8, 4, 1, 1): instance norm, and group norm with one group"),
    cause=N_(
        "Instance norm averages over height and width of one channel of one image. With 1×1 there is a single "
        "value: it would always become 0, whatever the batch size."
    ),
    cure=N_(
        "Larger input or fewer downsampling steps, no norm at the bottleneck, or group norm with several channels "
        "per group. Group norm with one channel per group gives zeros, without an error where the batch has two "
        "images or more."
    ),
    reproduce=reproduce,
)
