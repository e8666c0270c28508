"""Extra forward passes in train mode, over other data, move the running statistics."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Error of the running mean, over σ, one pass over shifted data after each clean one: in train mode, in eval mode."""

    def error(*, train: bool) -> float:
        norm = nn.BatchNorm1d(8)
        clean, augmented = gaussian_batches(64, 8), gaussian_batches(64, 8, seed=1, mean=MEAN + 2 * STD)
        for _ in range(100):
            norm.train()(clean())
            norm.train(train)(augmented())
        return float((running_mean(norm) - MEAN).mean()) / STD

    return Measured(error(train=True), error(train=False))


CASE = Case(
    name="teacher_passes",
    family="statistics",
    symptom=N_("Semi-supervised training: passes over unlabeled or augmented images change the running statistics"),
    words=N_(
        "semi-supervised, unlabeled data, strong augmentation, weak augmentation, pseudo labels, student, teacher "
        "forward, consistency loss, adversarial examples, second forward pass, torch.no_grad still updates"
    ),
    threads=(github("facebookresearch/unbiased-teacher", 47), github("LiheYoung/UniMatch", 94)),
    links=(wrong("modes", topic="update_count"),),
    look=N_(
        "error of the running mean, over σ, with one pass over data shifted by 2σ per step: that pass in train "
        "mode, and in eval mode"
    ),
    cause=N_(
        "Every forward pass in train mode moves the running statistics, with or without a gradient; torch.no_grad()"
        " does not change that. The last pass before each evaluation weighs most."
    ),
    cure=N_(
        "Run passes that need no gradient in eval mode, or give the other data a batch norm of its own, or put both"
        " kinds into one batch."
    ),
    reproduce=reproduce,
)
