"""The same weights with another ε give other outputs where the variance is small."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Output of the ported layer over the original's (ε = 1e-3), channels of variance 1e-4: ε = 1e-5, and 1e-3."""
    original = after_batches(nn.BatchNorm1d(8, eps=1e-3), gaussian_batches(64, 8, mean=0, std=0.01), 200)
    x = gaussian_batches(64, 8, seed=1, mean=0, std=0.01)()

    def ratio(eps: float) -> float:
        ported = nn.BatchNorm1d(8, eps=eps).eval()
        ported.load_state_dict(original.state_dict())
        return float(ported(x).std() / original(x).std())

    return Measured(ratio(1e-5), ratio(1e-3))


CASE = Case(
    name="keras_epsilon",
    family="porting",
    symptom=N_("Weights converted from another framework give other outputs, and the difference grows with depth"),
    words=N_(
        "epsilon, eps, 1e-3, 0.001, 1e-5, 1e-6, convert, converted weights, converting from TF to PyTorch, port "
        "weights, MXNet, Caffe, Scale layer, darknet, different BN epsilon, output mismatch, difference "
        "in batchnorm outputs, output is not equal to (input - mean) / sqrt(var + eps), inference result differs "
        "after conversion"
    ),
    threads=(github("ceccocats/tkDNN", 167), github("gzuidhof/nn-transfer", 3, "pull"), github("apache/mxnet", 15717)),
    links=(
        wrong("layer", eps="0.001", source="gaussian", input_scale="0.02", activation="identity"),
        right("layer", eps="0.00001", source="gaussian", input_scale="0.02", activation="identity"),
    ),
    look=N_(
        "output of the converted layer over the original's (ε = 1e-3), channels of variance 1e-4: ε = 1e-5, and 1e-3"
    ),
    cause=N_(
        "ε is not stored with the weights. Keras and MXNet's operator use 1e-3, Gluon and PyTorch 1e-5: where the "
        "variance is not much larger, the outputs differ by √((σ² + ε₁)/(σ² + ε₂)) in every layer."
    ),
    cure=N_(
        "Set eps to the original's value. Then check the order of γ, β, mean and variance, and MXNet's fix_gamma (γ"
        " is 1, whatever is stored)."
    ),
    reproduce=reproduce,
)
