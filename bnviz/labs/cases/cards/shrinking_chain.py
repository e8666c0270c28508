"""The factor between train and eval multiplies along a chain of batch norms."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Eval output over train output after twenty batch norms in a row, the statistics exact: n = 64 and n = 2048 values."""

    def ratio(n: int) -> float:
        x = gaussian_batches(n, 2)()
        chain = nn.Sequential(*[nn.BatchNorm1d(2, eps=1e-12, momentum=None, affine=False) for _ in range(20)])
        chain.train()
        y = chain(x)
        return float(chain.eval()(x).std() / y.std())

    return Measured(ratio(64), ratio(2048))


CASE = Case(
    name="shrinking_chain",
    family="modes",
    symptom=N_("The same data come out smaller in eval mode, and the deeper the network the smaller"),
    words=N_(
        "chain of batch norms, stacked batch norm, deep network, shrinks, scale, calculates not correctly, seems "
        "not correct, wrong calculation in eval mode"
    ),
    threads=(github("pytorch/pytorch", 100048),),
    links=(
        wrong("layer", mode="eval", warmup="500", steps="500", batch_size="8", momentum="cumulative"),
        right("layer", mode="eval", warmup="500", batch_size="256", momentum="cumulative"),
    ),
    look=N_("eval output over train output after twenty batch norms in a row: batches of 64 and of 2048"),
    cause=N_(
        "Each batch norm divides by the biased standard deviation in training and by the unbiased one in eval mode:"
        " a factor √((n − 1)/n) per layer, and the factors multiply."
    ),
    cure=N_(
        "A larger n. In a trained network the statistics of the next layer absorb the factor; the lab shows one "
        "link of the chain."
    ),
    reproduce=reproduce,
)
