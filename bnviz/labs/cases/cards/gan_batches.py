"""A discriminator with batch norm: separate batches hide the level of the fakes, mixed ones leak the labels."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Distance of the mean outputs for real and fake, 2σ apart before: batch norm on separate batches, and layer norm."""
    generator = torch.Generator().manual_seed(0)
    pattern = torch.randn(64, generator=generator)
    pattern = 2 * (pattern - pattern.mean()) / pattern.std(correction=0)  # by how much the fakes are off, per feature
    real, fake = gaussian_batches(64, 64, 1, 0, 1)(), gaussian_batches(64, 64, 2, 0, 1)() + pattern

    def distance(norm: nn.Module) -> float:
        return float((norm(fake).mean(0) - norm(real).mean(0)).abs().mean())

    return Measured(distance(nn.BatchNorm1d(64)), distance(nn.LayerNorm(64)))


CASE = Case(
    name="gan_batches",
    family="batch",
    symptom=N_("GAN: should the discriminator see real and fake images in one batch or in two?"),
    words=N_(
        "GAN, discriminator, generator, real and fake, separate batches, half batches, concatenate real and fake, "
        "DCGAN, mode collapse, shuffle real and fake, mini-batches for real and fake, virtual batch norm, spectral "
        "norm"
    ),
    threads=(github("eriklindernoren/Keras-GAN", 9), github("carpedm20/DCGAN-tensorflow", 266)),
    look=N_(
        "mean distance between the outputs for real and fake, 2σ apart before: batch norm on two separate batches, "
        "and layer norm"
    ),
    cause=N_(
        "In separate batches, batch norm gives real and fake the same mean and variance, so that the discriminator "
        "cannot see a wrong level. In one batch each output depends on how many fakes there are. And the running "
        "statistics, a mixture of both, fit neither."
    ),
    cure=N_(
        "Both ways are in use (ganhacks advises two batches): choose one and keep to it in every pass. Or avoid the"
        " question: spectral norm, layer norm or instance norm in the discriminator."
    ),
    reproduce=reproduce,
)
