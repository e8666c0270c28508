"""Batches of a single class: batch norm removes just what tells the classes apart."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Distance of the mean outputs of two classes, 6σ apart before batch norm: sorted batches, and shuffled ones."""
    first, second = gaussian_batches(64, 8, 0, mean=-3, std=1)(), gaussian_batches(64, 8, 1, mean=3, std=1)()
    norm = nn.BatchNorm1d(8)
    apart = norm(second).mean() - norm(first).mean()
    together = norm(torch.cat([first, second]))
    return Measured(float(apart.abs()), float(together[64:].mean() - together[:64].mean()))


CASE = Case(
    name="sorted_batches",
    family="batch",
    symptom=N_("Data sorted by class: training looks perfect, testing is at chance"),
    words=N_(
        "shuffle, shuffle=False, not shuffled, sorted by class, one class per batch, same label in a batch, ordered"
        " data, sequential sampling, streaming, video frames of one clip, class-balanced batch, imbalanced, class "
        "imbalance, batches with only one label, single class, correlated samples, non-iid batches"
    ),
    threads=(github("openpifpaf/openpifpaf", 308, "pull"), github("happynear/NormFace", 4)),
    links=(
        wrong("batch_size", topic="error", sampling="one_class"),
        right("batch_size", topic="error", sampling="iid"),
    ),
    look=N_("distance between the mean outputs of two classes, 6σ apart before: sorted batches, and shuffled ones"),
    cause=N_(
        "In a batch of one class, batch norm subtracts that class's own mean. The network learns from what is left "
        "and from the fact that the batch is all of one kind; in eval mode neither is there."
    ),
    cure=N_(
        "shuffle=True in the DataLoader (for video: frames of several clips per batch), or layer or group norm, "
        "which do not look across the batch."
    ),
    reproduce=reproduce,
)
