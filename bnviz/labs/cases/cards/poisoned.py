"""One NaN stays in the running statistics for good."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches, running_mean, running_var
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Share of running statistics that are NaN 100 good batches after one with a NaN, and after a reset and 20 batches."""
    norm, batch = nn.BatchNorm1d(8), gaussian_batches(64, 8)
    bad = batch()
    bad[0] = torch.nan
    after_batches(norm, batch, 20)
    after_batches(norm, lambda: bad, 1)

    def share() -> float:
        return float(torch.cat([running_mean(norm), running_var(norm)]).isnan().float().mean())

    after_batches(norm, batch, 100)
    wrong_share = share()
    norm.reset_running_stats()
    after_batches(norm, batch, 20)
    return Measured(wrong_share, share())


CASE = Case(
    name="poisoned",
    family="statistics",
    symptom=N_("NaN in eval mode, although training looks fine"),
    words=N_(
        "NaN, nan loss, nan values, inf, running_mean nan, running_var nan, moving_variance nan, output nan, nan "
        "during testing, mixed precision, AMP, GradScaler, bad batch"
    ),
    threads=(github("pytorch/pytorch", 1206), github("pytorch/pytorch", 88474)),
    links=(wrong("modes", topic="poison"), right("modes", topic="poison", poison_at="1000")),
    look=N_("share of running statistics that are NaN: 100 good batches after a bad one, and 20 batches after a reset"),
    cause=N_(
        "One batch with a NaN or an overflow is enough: every later estimate contains it. Train mode does not use "
        "the estimates, so nothing shows until evaluation."
    ),
    cure=N_(
        "reset_running_stats() and some forward passes in train mode. Skipping the optimizer step is not enough: "
        "the forward pass has already moved the statistics. Check the input first."
    ),
    reproduce=reproduce,
    common=True,
)
