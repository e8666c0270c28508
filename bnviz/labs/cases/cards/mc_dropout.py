"""Monte Carlo dropout switches the whole model to train mode, batch norm included."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, after_batches, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """How far 50 Monte Carlo passes over other data move the running mean, over σ: all in train mode, and Dropout only."""

    def moved(*, only_dropout: bool) -> float:
        norm = nn.BatchNorm1d(8)
        model = after_batches(nn.Sequential(norm, nn.Dropout(0.0)), gaussian_batches(64, 8), 100)
        before, other = running_mean(norm).clone(), gaussian_batches(64, 8, seed=1, mean=MEAN + STD)
        model.train()
        if only_dropout:
            norm.eval()
        for _ in range(50):
            model(other())
        return float((running_mean(norm) - before).abs().mean()) / STD

    return Measured(moved(only_dropout=False), moved(only_dropout=True))


CASE = Case(
    name="mc_dropout",
    family="statistics",
    symptom=N_("MC Dropout: with model.train() at test time the predictions drift, and batch norm changes"),
    words=N_(
        "MC Dropout, Monte Carlo, dropout during inference, dropout at test time, dropout in the predict phase, "
        "Bayesian, uncertainty, keep dropout on"
    ),
    threads=(github("lightning-uq-box/lightning-uq-box", 173, "pull"), github("keras-team/keras", 9412)),
    links=(wrong("modes", topic="freeze_matrix"),),
    look=N_(
        "how far 50 Monte Carlo passes over other data move the running mean, over σ: whole model in train mode, "
        "and only Dropout"
    ),
    cause=N_(
        "model.train() switches every module: besides Dropout, batch norm normalizes with the test batch and takes "
        "it into its running statistics."
    ),
    cure=N_(
        "model.eval(), then train() on the Dropout modules only. If dropout is functional: model.train(), then "
        "eval() on every batch norm."
    ),
    reproduce=reproduce,
)
