"""Eval mode takes running statistics that have not found the data yet."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation after batch norm in eval mode, 2 and 100 batches after the start."""

    def spread(count: int) -> float:
        batch = gaussian_batches(64, 8)
        return float(after_batches(nn.BatchNorm1d(8), batch, count)(batch()).std())

    return Measured(spread(2), spread(100))


CASE = Case(
    name="eval_differs",
    family="modes",
    symptom=N_("My model's outputs differ, and are worse, after model.eval()"),
    words=N_(
        "eval, train, inference, evaluation, test mode, different output, different results, behaves differently, "
        "same data, same dataset, on training data, training and validation, low validation accuracy, broken for "
        "validation, model.fit and model.evaluate, different loss, high error, high loss, validation loss "
        "exploding, validation loss much higher than train loss, not reflected after the model is loaded, not ready"
        " for inference, good in training and bad in testing, overfitting suspected, explodes, accuracy drops in "
        "eval, without eval better, fresh layer, discrepancy, inconsistency"
    ),
    threads=(github("pytorch/pytorch", 5406), github("pytorch/pytorch", 4741)),
    links=(
        wrong("layer", mode="eval", warmup="2", input_shift="1", input_scale="20"),
        right("layer", mode="eval", warmup="100", input_shift="1", input_scale="20"),
        wrong("modes", topic="gap"),
    ),
    look=N_("standard deviation after batch norm in eval mode (in train mode it is 1): after 2 batches and after 100"),
    cause=N_(
        "In train mode mean and variance come from the batch, in eval mode from the running statistics. These start"
        " at 0 and 1, and after a few batches they are still far from the data's."
    ),
    cure=N_(
        "Train longer, use a larger momentum, or re-estimate: reset the statistics, then run some forward passes in"
        " train mode. Evaluating in train mode instead only hides the problem."
    ),
    reproduce=reproduce,
    common=True,
)
