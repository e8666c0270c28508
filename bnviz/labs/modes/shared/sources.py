"""The sources that several topics of the lesson `modes` share."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

EVAL_DIFFERS: Final = Source(
    N_("People meet this as a bug: the same input gives other outputs in train() and eval()"),
    "pytorch #5406",
    "https://github.com/pytorch/pytorch/issues/5406",
)
EVAL_HIGH_ERROR: Final = Source(
    N_("A network that is good in train mode and bad in eval mode"),
    "pytorch #4741",
    "https://github.com/pytorch/pytorch/issues/4741",
)
PYTORCH_BATCH_NORM: Final = Source(
    N_("Batch norm as PyTorch computes it: running statistics, momentum, the two modes"),
    "torch.nn.BatchNorm1d",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
)
SWA_UPDATE_BN: Final = Source(
    N_("Recalibration in PyTorch itself: reset, then the plain average over forward passes"),
    "torch.optim.swa_utils.update_bn",
    "https://docs.pytorch.org/docs/stable/optim.html#taking-care-of-batch-normalization",
)
