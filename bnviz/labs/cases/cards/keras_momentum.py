"""Keras' momentum is PyTorch's 1 − momentum."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, after_batches, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation of the running mean over repetitions, over σ, with Keras' 0.99 copied and converted."""

    def scatter(momentum: float) -> float:
        norm = after_batches(nn.BatchNorm1d(200, momentum=momentum), gaussian_batches(32, 200), 600)
        return float((running_mean(norm) - MEAN).std()) / STD

    return Measured(scatter(0.99), scatter(1 - 0.99))


CASE = Case(
    name="keras_momentum",
    family="porting",
    symptom=N_("Validation jumps up and down since I ported the model from Keras or TensorFlow"),
    words=N_(
        "momentum, batch norm momentum, 1 - momentum, bn_momentum, decay, 0.99, 0.9, 0.997, Keras, TensorFlow, JAX,"
        " momentum convention, meaning of momentum, momentum is incorrect, wrong momentum, momentum problem, "
        "opposite, unstable validation, validation loss fluctuates, oscillates, erratic, port, ported, "
        "EfficientNet, typo"
    ),
    threads=(
        github("keras-team/keras", 6839),
        github("d2l-ai/d2l-en", 2213, "pull"),
        github("pytorch/examples", 289),
        github("kazuto1011/deeplab-pytorch", 79),
    ),
    links=(
        wrong("running_stats", momentums="0.99"),
        right("running_stats", momentums="0.01", steps="600"),
        wrong("builder", momentum="0.99"),
        right("builder", momentum="0.01"),
    ),
    look=N_("scatter of the running mean from run to run, over σ: momentum 0.99 and momentum 0.01"),
    cause=N_(
        "In Keras momentum is the weight of the old estimate, in PyTorch that of the newest batch. 0.99 copied over"
        " keeps almost nothing but the last batch."
    ),
    cure=N_("Write 1 − momentum: Keras' default 0.99 is 0.01 in PyTorch. Compare ε too: 1e-3 there, 1e-5 here."),
    reproduce=reproduce,
    common=True,
)
