"""The papers and pages behind the claims of the lesson `recurrence`."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

COOIJMANS: Final = Source(
    N_("Batch norm of W_x x, of W_h h and of the cell, statistics of its own for every step, γ starting at 0.1"),
    "Cooijmans et al. 2016, arXiv:1603.09025",
    "https://arxiv.org/abs/1603.09025",
)
LAURENT: Final = Source(
    N_("Batch norm of the input's part only, over all steps of the batch; between steps it did not help there"),
    "Laurent et al. 2015, arXiv:1510.01378",
    "https://arxiv.org/abs/1510.01378",
)
BA: Final = Source(
    N_("Layer norm, the same at every step, in training and in eval mode"),
    "Ba, Kiros & Hinton 2016, arXiv:1607.06450",
    "https://arxiv.org/abs/1607.06450",
)
YANG: Final = Source(
    N_("Growth of gradients through batch norm, the argument behind the closed form"),
    "Yang et al. 2019, arXiv:1902.08129",
    "https://arxiv.org/abs/1902.08129",
)
SCHOENHOLZ: Final = Source(
    N_("Growth of gradients without a normalizer"),
    "Schoenholz et al. 2017, arXiv:1611.01232",
    "https://arxiv.org/abs/1611.01232",
)
PADDED: Final = Source(
    N_("People ask for batch norm that leaves padding out: PyTorch's has no argument for it"),
    "pytorch #70529",
    "https://github.com/pytorch/pytorch/issues/70529",
)
BATCH_NORM: Final = Source(
    N_("Batch norm as PyTorch computes it"),
    "torch.nn.BatchNorm1d",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
)
RNN_MODULES: Final = Source(
    N_("The cells' equations, and how their weights start"),
    "torch.nn.LSTM",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html",
)
