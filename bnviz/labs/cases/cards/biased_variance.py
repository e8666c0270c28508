"""Training divides by the biased variance, the running variance collects the unbiased one."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Variance after batch norm in eval mode, its statistics exact, over that in train mode: batches of 4 and of 64."""

    def ratio(m: int) -> float:
        batch = gaussian_batches(m, 200)
        norm = after_batches(nn.BatchNorm1d(200, momentum=None, affine=False), batch, 400)
        values = [batch() for _ in range(20)]
        in_eval = torch.stack([norm(x).var(0, correction=0) for x in values]).mean()
        norm.train()
        return float(in_eval / torch.stack([norm(x).var(0, correction=0) for x in values]).mean())

    return Measured(ratio(4), ratio(64))


CASE = Case(
    name="biased_variance",
    family="modes",
    symptom=N_("running_var is not the variance that training used"),
    words=N_(
        "unbiased, biased, estimator, Bessel's correction, n − 1, variance formula, population statistics, "
        "population variance, sample variance, running variance, normalization var and running var not compatible, "
        "documentation, own implementation, reimplementation, mismatch, np.var, torch.var"
    ),
    threads=(github("pytorch/pytorch", 19902), github("pytorch/pytorch", 3122)),
    links=(
        wrong("layer", mode="eval", warmup="500", steps="500", batch_size="4", momentum="cumulative"),
        right("layer", mode="eval", warmup="500", batch_size="64", momentum="cumulative"),
    ),
    look=N_("variance after batch norm in eval mode over that in train mode: batches of 4 and of 64"),
    cause=N_(
        "PyTorch normalizes with the biased variance (divided by n) and updates the running variance with the "
        "unbiased one (divided by n − 1), as in the paper. Eval outputs are therefore smaller by a factor √((n − "
        "1)/n). This is intended."
    ),
    cure=N_("Nothing to fix. With large batches, or images (n = N·H·W), the difference is negligible."),
    reproduce=reproduce,
)
