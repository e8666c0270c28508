"""The sources that lessons of several labs give."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.teaching.lab import Source

DIGITS: Final = Source(
    N_("Handwritten digits, 8×8, shipped with scikit-learn"),
    "UCI Optical Recognition of Handwritten Digits",
    "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
)
