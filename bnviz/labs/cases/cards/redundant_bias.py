"""Batch norm subtracts the bias before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


def reproduce() -> Measured:
    """Largest gradient of the bias of a linear layer before batch norm, over its weights' gradient; and that of β."""
    generator = torch.Generator().manual_seed(1)
    layer, norm = nn.utils.skip_init(nn.Linear, 8, 8), nn.BatchNorm1d(8)  # type: ignore[no-untyped-call]
    nn.init.normal_(layer.weight, generator=generator)
    nn.init.normal_(layer.bias, generator=generator)
    target = torch.randn(64, 8, generator=generator)
    nn.functional.mse_loss(norm(layer(gaussian_batches(64, 8)())), target).backward()  # type: ignore[no-untyped-call]
    weight, bias, beta = (part.grad for part in (layer.weight, layer.bias, norm.bias))
    assert isinstance(weight, Tensor) and isinstance(bias, Tensor) and isinstance(beta, Tensor)  # noqa: PT018
    return Measured(float(bias.abs().max() / weight.abs().mean()), float(beta.abs().max() / weight.abs().mean()))


CASE = Case(
    name="redundant_bias",
    family="design",
    symptom=N_("Does a layer before batch norm need a bias?"),
    words=N_(
        "bias, use_bias, bias=False, bias_term, redundant bias, unnecessary bias, convolution bias, conv bias, bias"
        " before batch norm, bias is not needed, disable bias, remove bias, bias not learned, gradient of the bias "
        "is zero, use_bias=False"
    ),
    threads=(github("matterport/Mask_RCNN", 1455, "pull"), github("milesial/Pytorch-UNet", 325, "pull")),
    links=(wrong("builder", bias="true"), right("builder", bias="auto"), wrong("placement")),
    look=N_("largest gradient over the weights' gradient: of the bias before batch norm, and of β"),
    cause=N_("Batch norm subtracts the batch mean, and the bias with it: its gradient is 0 up to rounding."),
    cure=N_("bias=False directly before batch norm; β does the work. It changes no result, it saves parameters."),
    reproduce=reproduce,
    common=True,
)
