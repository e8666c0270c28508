"""New data of another level: the running statistics still describe the old."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Mean output for data shifted by 2σ, in eval mode: statistics of the old data, and re-estimated on the new."""
    norm = after_batches(nn.BatchNorm1d(8), gaussian_batches(64, 8), 100)
    shifted = gaussian_batches(64, 8, seed=1, mean=MEAN + 2 * STD)
    old = float(norm(shifted()).mean())
    norm.reset_running_stats()
    return Measured(old, float(after_batches(norm, shifted, 100)(shifted()).mean()))


CASE = Case(
    name="domain_shift",
    family="batch",
    symptom=N_("Another camera, hospital or data set: accuracy drops sharply in eval mode"),
    words=N_(
        "domain shift, domain adaptation, distribution shift, out of distribution, new dataset, different dataset, "
        "test-time adaptation, TENT, adapt statistics, BN adapt, AdaBN, corruptions, CIFAR-10-C, ImageNet-C, target"
        " domain, brightness, contrast, recalibrate on target, deteriorates"
    ),
    threads=(github("DequanWang/tent", 7), github("qinenergy/cotta", 17)),
    links=(wrong("adaptation", batch_size="64"),),
    look=N_(
        "mean output for data shifted by 2σ, in eval mode: statistics of the old data, and re-estimated on the new"
    ),
    cause=N_(
        "The running statistics belong to the training data. Other brightness or contrast shifts and stretches "
        "every channel, and nothing in eval mode takes that out again."
    ),
    cure=N_(
        "Re-estimate the statistics on unlabeled new data (reset, then forward passes in train mode), or mix old "
        "and new. Use hundreds of shuffled samples: small or sorted batches make it worse."
    ),
    reproduce=reproduce,
    common=True,
)
