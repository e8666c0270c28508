"""Papers and pages that several topics of the lesson `training` stand on."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

BATCH_NORM_PAPER: Final = Source(
    N_("Batch norm, its Figure 1, and the claim that it reduces internal covariate shift"),
    "Ioffe & Szegedy 2015, arXiv:1502.03167",
    "https://arxiv.org/abs/1502.03167",
)
SANTURKAR: Final = Source(
    N_("That inputs move less is not what helps: the loss along the gradient is smoother"),
    "Santurkar, Tsipras, Ilyas & Mądry 2018, arXiv:1805.11604",
    "https://arxiv.org/abs/1805.11604",
)
BATCH_NORM: Final = Source(
    N_("Batch norm as PyTorch computes it"),
    "torch.nn.BatchNorm1d",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
)
