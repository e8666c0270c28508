"""Sources that several topics of the lesson `noise` cite."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

BATCH_NORM: Final = Source(
    N_("Batch norm as PyTorch computes it"),
    "torch.nn.BatchNorm1d",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
)
DROPOUT: Final = Source(
    N_("Dropout as PyTorch computes it: what is kept is divided by 1 − p in training"),
    "torch.nn.Dropout",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html",
)
DROPOUT_PAPER: Final = Source(
    N_("Dropout, and its multiplicative noise of energy p/(1 − p)"),
    "Srivastava et al. 2014, JMLR 15",
    "https://jmlr.org/papers/v15/srivastava14a.html",
)
VARIANCE_SHIFT: Final = Source(
    N_("Variance shift: Dropout before batch norm raises the variance in training only"),
    "Li, Chen, Hu & Yang 2018, arXiv:1801.05134",
    "https://arxiv.org/abs/1801.05134",
)
EQUIVALENCE: Final = Source(
    N_("Two one-sided tests: how to say that there is no relevant difference"),
    "Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15",
    "https://doi.org/10.1007/BF01068419",
)
