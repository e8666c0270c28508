"""DDP broadcasts buffers in place between two forward passes and one backward."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, refusals, running_mean
from bnviz.labs.cases.case import Case, Measured, github


def reproduce() -> Measured:
    """Backward passes that are refused when the buffers are written before them, as DDP does, and when they are not."""

    def backward(*, broadcast: bool) -> None:
        norm, batch = nn.BatchNorm1d(8), gaussian_batches(32, 8)
        real = norm(batch())
        if broadcast:  # what DistributedDataParallel does before each forward pass, here before that of the fakes
            with torch.no_grad():
                running_mean(norm).copy_(torch.zeros(8))
        real.sum().backward()

    return Measured(refusals(lambda: backward(broadcast=True)), refusals(lambda: backward(broadcast=False)))


CASE = Case(
    name="inplace_buffers",
    family="copies",
    symptom=N_(
        "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation"
    ),
    words=N_(
        "inplace operation, in-place, inplace error, modified by an inplace operation, is at version; expected "
        "version, two forward passes, forward called twice, DDP, DistributedDataParallel, broadcast_buffers=False, "
        "CudnnBatchNormBackward, NativeBatchNormBackward, detect_anomaly, set_detect_anomaly"
    ),
    threads=(
        github("pytorch/pytorch", 22095),
        github("pytorch/pytorch", 65907),
        github("pytorch/pytorch", 175024),
    ),
    look=N_("backward passes that PyTorch refuses: buffers written in between, as DDP does, and not"),
    cause=N_(
        "DistributedDataParallel copies the buffers of rank 0 into every rank before each forward pass, in "
        "place. A second forward pass thus changes what the first one has saved for its backward pass."
    ),
    cure=N_(
        "broadcast_buffers=False (with SyncBatchNorm the buffers are equal anyway), or one forward pass over the "
        "joined batch, or backward() after each forward pass. An inplace ReLU after batch norm is another, "
        "unrelated cause."
    ),
    reproduce=reproduce,
)
