"""What a run of the topic `shift` of the lab `noise` measures.

Index letters: P Dropout rates, M means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.noise.shared.shift import Shift
from bnviz.labs.noise.shift.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]

NETWORKS = 3
"""Fresh networks that are measured together."""
IMAGES = 600
"""Training images of each."""
PASSES = 6
"""Times that all of them pass to fill the running statistics."""


@dataclass(frozen=True, slots=True)
class Pure:
    """Dropout → BN and nothing else, on normal features of standard deviation 1."""

    rates: Floats
    """(P,) Dropout rates."""
    means: Floats
    """(M,) means of the features."""
    variance: Floats
    """(M, P) variance of batch norm's output in eval mode, which in training is 1."""
    variance_error: Floats
    """(M, P) relative standard error of the two sample variances in it."""
    variance_theory: Floats
    """(M, P) its closed form."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The variance shift through fresh networks, and of Dropout → BN alone."""

    settings: Settings
    """What was asked for."""
    shift: Shift
    """Of the networks, layer by layer."""
    pure: Pure
    """Of Dropout → BN alone."""
