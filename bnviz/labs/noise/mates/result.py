"""What a run of the topic `mates` of the lab `noise` measures.

Index letters: R draws, K bins, Q of the draws in order, Z values of the fixed sample, B batch sizes. Everything is in standard
deviations of the population that the batch-mates come from, measured from its mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.noise.mates.settings import Settings
from bnviz.study.histogram import Histogram
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What one fixed sample's output does over random batch-mates, and the closed forms for normal ones ("the law")."""

    settings: Settings
    """What was asked for."""
    samples: NDArray[np.float32]
    """(R,) outputs of the fixed sample."""
    batch_mean: Floats
    """(3,) means of the first batches."""
    batch_var: Floats
    """(3,) biased variances of the first batches."""
    counts: Histogram
    """Of `samples`, counts (K,)."""
    law_x: Floats
    """(K,) bin centres of `law_pdf`."""
    law_pdf: Floats
    """(K,) density of the exact law averaged over each bin, finite for every m (the outputs are ±1 for m = 2)."""
    ordered: Floats
    """(Q,) some of the samples in order."""
    share: Floats
    """(Q,) the share of samples up to each of `ordered`."""
    law_cdf: Floats
    """(Q,) the law's distribution function there."""
    distance: float
    """Largest distance between the two distribution functions, over all samples."""
    mean: float
    """Of the samples."""
    std: float
    """Standard deviation of the samples."""
    mean_theory: float
    """Of the law."""
    std_theory: float
    """Standard deviation of the law."""
    values: Floats
    """(Z,) other values of the fixed sample."""
    value_mean: Floats
    """(Z,) mean output at each."""
    value_std: Floats
    """(Z,) standard deviation of the output at each."""
    value_mean_theory: Floats
    """(Z,) the law's mean at each."""
    value_std_theory: Floats
    """(Z,) the law's standard deviation at each."""
    sizes: NDArray[np.int64]
    """(B,) batch sizes, the chosen one among them."""
    fidelity: Floats
    """(B,) R², squared correlation of the output with the true value when all samples are random."""
    fidelity_error: Floats
    """(B,) its standard error."""
    fidelity_theory: Floats
    """(B,) its closed form."""
    skewness: float
    """Of the population; 0 for a normal one."""
    excess_kurtosis: float
    """Of the population; 0 for a normal one."""

    @property
    def rate(self) -> Floats:
        """(B,) Dropout rate whose noise has the measured energy."""
        return 1.0 - self.fidelity

    @property
    def rate_theory(self) -> Floats:
        """(B,) its closed form."""
        return 1.0 - self.fidelity_theory
