"""What a batch does to the statistics of one batch norm layer, by batch size: measured, and in theory.

Index letters: B batch sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.batch_size.shared.parameters import NetworkName

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """One batch norm layer of the fresh network, relative to the population of all digits; NaN where PyTorch refuses the batch.

    Averaged over channels (of the noises: the squares). Standard errors are over batches.
    """

    network: NetworkName
    """Which network the layer is of."""
    pixels: int
    """P, values per image and channel."""
    batch_sizes: NDArray[np.int64]
    """(B,) images per batch, N."""
    mean_noise: Floats
    """(B,) standard deviation of the batch mean around the population's, in units of σ."""
    mean_noise_error: Floats
    """(B,) its standard error."""
    mean_noise_theory: Floats
    """(B,) the same in theory."""
    variance_noise: Floats
    """(B,) root mean square deviation of the unbiased batch variance from σ², in units of σ²."""
    variance_noise_error: Floats
    """(B,) its standard error."""
    variance_noise_theory: Floats
    """(B,) the same in theory."""
    fidelity: Floats
    """(B,) R², squared correlation of the layer's output with the true standardized value (x − μ)/σ."""
    fidelity_error: Floats
    """(B,) its standard error."""
    fidelity_theory: Floats
    """(B,) the same in theory."""
    correlation: float
    """ρ̄, mean correlation of two values of one image."""
    class_share: float
    """ρ_c, share of the variance of image means that lies between the classes; 0 where batches are drawn at random."""

    @property
    def effective(self) -> Floats:
        """(B,): how many independent values the batch mean is worth, σ²/Var[batch mean], measured."""
        return self.mean_noise**-2.0

    @property
    def effective_theory(self) -> Floats:
        """(B,): the same in theory."""
        return self.mean_noise_theory**-2.0

    @property
    def effective_variance(self) -> Floats:
        """(B,): how many independent normal values the batch variance is worth, 1 + 2σ⁴/E[(S² − σ²)²], measured."""
        return 1 + 2 * self.variance_noise**-2.0

    @property
    def effective_variance_theory(self) -> Floats:
        """(B,): the same in theory."""
        return 1 + 2 * self.variance_noise_theory**-2.0
