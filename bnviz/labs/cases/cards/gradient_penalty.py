"""A gradient penalty per sample, and a critic whose outputs depend on the whole batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


def reproduce() -> Measured:
    """On how many of the 31 other samples the critic's output for one depends: batch norm, and layer norm."""

    def others(normalizer: Callable[[int], nn.Module]) -> float:
        critic = nn.Sequential(linear(8, 16), normalizer(16), nn.ReLU(), linear(16, 1, seed=1))
        x = gaussian_batches(32, 8)().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x)[0].sum(), x)
        return float(gradient[1:].any(dim=1).sum())

    return Measured(others(nn.BatchNorm1d), others(nn.LayerNorm))


CASE = Case(
    name="gradient_penalty",
    family="design",
    symptom=N_("WGAN-GP: may the critic contain batch norm?"),
    words=N_(
        "WGAN, WGAN-GP, wgan_gp, Wasserstein, critic, gradient penalty, No critic batch normalization, Lipschitz, "
        "discriminator of WGAN, layer normalization instead of batch normalization, DRAGAN, R1"
    ),
    threads=(
        github("hwalsuklee/tensorflow-generative-model-collections", 17),
        github("eriklindernoren/Keras-GAN", 253),
    ),
    links=(
        wrong("modes", topic="influence", mode="train"),
        right("modes", topic="influence", mode="eval"),
    ),
    look=N_("number of the 31 other samples on which the critic's output for one depends: batch norm, and layer norm"),
    cause=N_(
        "The penalty holds the gradient of the critic at each sample near 1. With batch norm an output depends on "
        "all samples, and the gradient at one sample contains those of the others."
    ),
    cure=N_(
        "Layer norm or instance norm in the critic, as the paper advises; batch norm in the generator is no problem."
    ),
    reproduce=reproduce,
)
