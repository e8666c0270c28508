"""What the lab `running_stats` measures, and what the closed forms say.

Index letters: M momentums, T batches (index 0 of T + 1 is the fresh layer), m samples per batch, R replicas
(independent streams of batches, one batch norm channel each), N samples of the population, K bins. Values have the unit of the feature
that enters batch norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.running_stats.settings import Settings
from bnviz.study.histogram import Histogram
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """A running statistic over its replicas."""

    average: Floats
    """(M, T+1): mean over the replicas."""
    low: Floats
    """(M, T+1): their 15th percentile."""
    high: Floats
    """(M, T+1): their 85th percentile."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The buffers of one `nn.BatchNorm1d` per momentum, all fed with the same batches."""

    settings: Settings
    """What was asked for."""
    running_mean: NDArray[np.float32]
    """(M, T+1, R): the module's buffer after each batch; 0 at index 0."""
    running_var: NDArray[np.float32]
    """(M, T+1, R): likewise, fed by PyTorch with the *unbiased* batch variance; 1 at index 0."""
    batch_mean: NDArray[np.float32]
    """(T, R): mean of each batch."""
    batch_var: NDArray[np.float32]
    """(T, R): its *biased* variance, which normalizes in training."""
    mean_spread: Spread
    """`running_mean` over the replicas."""
    var_spread: Spread
    """`running_var` over the replicas."""
    population_mean: float
    """Of the undisturbed feature."""
    population_var: float
    """Of the undisturbed feature, divided by N."""
    population_size: float
    """N; inf for `gaussian`."""
    excess_kurtosis: float
    """Of the undisturbed feature."""
    truth_mean: Floats
    """(T+1,): the population's mean at each batch, the disturbance included."""
    truth_var: float
    """What the running variance tends to: N/(N−1)·`population_var`."""
    drift: float
    """Movement of the mean per batch of a ramp, else 0."""
    expected_mean: Floats
    """(M, T+1): closed form of the running mean's expectation."""
    expected_mean_std: Floats
    """(M, T+1): closed form of its standard deviation."""
    expected_var: Floats
    """(M, T+1): closed form of the running variance's expectation."""
    expected_var_std: Floats
    """(M, T+1): closed form of its standard deviation; exact for `gaussian`, else right to the order m/N."""
    steps_to_5pct: Floats
    """(M,): first batch after which the average over replicas is within 5 % of the undisturbed truth, relative to the error at the
    start, |μ − 0|; NaN where that does not happen before the disturbance or the end."""
    steps_to_1pct: Floats
    """(M,): likewise within 1 %."""
    steps_to_5pct_theory: Floats
    """(M,): batches until the initial value weighs 5 %."""
    steps_to_1pct_theory: Floats
    """(M,): batches until the initial value weighs 1 %."""
    replica_std: Floats
    """(M, T+1): standard deviation of the running mean over replicas, divisor R − 1; NaN for one replica."""
    curve_steps: Floats
    """Closed form of `steps_to_5pct` for the momentums in between, ascending in momentum."""
    curve_noise: Floats
    """Closed form of `noise` for the same momentums."""
    eval_error: Floats
    """(M, T+1): RMS difference, over population and replicas, of the output in eval mode from the output normalized with the true
    moments; no unit."""
    eval_error_theory: Floats
    """(M, T+1): its first-order expansion."""
    spread: Histogram
    """Counts (M, T+1, K): running means of the replicas; none lies beyond the edges."""
    spread_share: Floats
    """(M, T+1, K): measured share of the replicas per bin."""
    spread_theory: Floats
    """(M, T+1, K): expected share from a normal law with the expected mean and standard deviation."""

    @property
    def noise(self) -> Floats:
        """(M,): standard deviation of the running mean over replicas after the last batch."""
        return self.replica_std[:, -1]

    @property
    def noise_theory(self) -> Floats:
        """(M,): its closed form."""
        return self.expected_mean_std[:, -1]
