"""Folding batch norm into a convolution: the convolution's own bias must be scaled too."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches, linear, running_mean, running_var
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """RMS difference between a layer with batch norm and the folded one, over σ: bias added unscaled, and PyTorch's fusion."""
    layer, norm, batch = linear(16, 16), nn.BatchNorm1d(16), gaussian_batches(64, 16)
    layer.bias.fill_(1.0)
    model = after_batches(nn.Sequential(layer, norm), batch, 100)
    factor = norm.weight / (running_var(norm) + norm.eps).sqrt()
    unscaled = layer.bias + norm.bias - running_mean(norm) * factor  # the bias of the layer is not multiplied
    x, scale = batch(), model(batch()).std()

    def difference(folded: Tensor) -> float:
        return float((folded - model(x)).pow(2).mean().sqrt() / scale)

    by_hand = nn.functional.linear(x, layer.weight * factor.unsqueeze(1), unscaled)
    return Measured(difference(by_hand), difference(fuse_linear_bn_eval(layer, norm)(x)))


CASE = Case(
    name="folding",
    family="porting",
    symptom=N_("After fusing batch norm into the convolution the outputs differ"),
    words=N_(
        "fold, folding, fuse, fused, fusing, fusion, fuse_conv_bn, fuse_conv_and_bn, fuse_modules, merge bn, merge "
        "batch norm, absorb, remove batch norm, inference speed, conv and bn, wrong inference result, output "
        "mismatch after fusion, quantization, QAT, int8, deploy, transposed convolution, RepVGG, reparameterize, "
        "TensorRT"
    ),
    threads=(
        github("ultralytics/yolov3", 807),
        github("open-mmlab/mmcv", 747),
        github("Xilinx/brevitas", 388),
    ),
    look=N_(
        "root mean square difference between layer with batch norm and folded layer, over σ: the layer's bias left "
        "unscaled, and PyTorch's own fusion"
    ),
    cause=N_(
        "W′ = γW/√(v + ε) and b′ = β + γ(b − μ)/√(v + ε): forgotten ε, a forgotten or unscaled b, folding in train "
        "mode, or the wrong axis of a transposed convolution each give other outputs."
    ),
    cure=N_(
        "torch.nn.utils.fuse_conv_bn_eval(conv, bn) with both in eval mode; create the new convolution with "
        "bias=True. A relative difference of 1e-6 is rounding."
    ),
    reproduce=reproduce,
    common=True,
    links=(wrong("folding", bias="true"), wrong("folding", layer="conv_transpose")),
)
