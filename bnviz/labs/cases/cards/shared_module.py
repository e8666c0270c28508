"""One batch norm for two kinds of input keeps one mean that fits neither."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Mean output for one of two domains 6σ apart, in eval mode, over σ: one batch norm for both, and one for each."""

    def offset(*, shared: bool) -> float:
        first, second = gaussian_batches(64, 8, 0, mean=-3, std=1), gaussian_batches(64, 8, 1, mean=3, std=1)
        norm, other = nn.BatchNorm1d(8), nn.BatchNorm1d(8)
        for _ in range(100):
            norm(first())
            (norm if shared else other)(second())
        return float(norm.eval()(first()).mean().abs())

    return Measured(offset(shared=True), offset(shared=False))


CASE = Case(
    name="shared_module",
    family="statistics",
    symptom=N_("One batch norm used on several inputs (Siamese branches, domains, time steps) fails in eval mode"),
    words=N_(
        "shared layer, Siamese, two branches, two inputs, reuse module, different domains, domain-specific batch "
        "norm, domain specific, domain BN, DSBN, separate BN, source and target, multiple pairs of running mean, "
        "separate running averages, share gamma and beta only, RNN, recurrent, LSTM, time steps, conditional batch "
        "norm, auxiliary batch norm"
    ),
    threads=(github("keras-team/keras", 8794), github("pytorch/pytorch", 1738)),
    links=(
        wrong("recurrence", topic="steps", normalizer="batch_shared"),
        right("recurrence", topic="steps", normalizer="batch_per_step"),
    ),
    look=N_(
        "distance of the mean output from 0 for one of two domains 6σ apart, in eval mode: one batch norm for both,"
        " and one for each"
    ),
    cause=N_(
        "In train mode each call is normalized with its own batch; the one running mean averages over all calls, "
        "and the running variance lacks the distance between them."
    ),
    cure=N_("A batch norm for each input (γ and β may be shared), all inputs in one batch, or layer norm."),
    reproduce=reproduce,
)
