"""Sources that several topics of the lab `convolution` give."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

BATCH_NORM: Final = Source(
    N_("Batch norm of a convolution: all positions of all images share (section 3.2)"),
    "Ioffe & Szegedy 2015, arXiv:1502.03167",
    "https://arxiv.org/abs/1502.03167",
)
PHOTOGRAPHS: Final = Source(
    N_("The two photographs, shrunk"),
    "scikit-learn, load_sample_images",
    "https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_sample_images.html",
)
