"""How far running statistics are from the batches, in units of the normalized output, and what of it chance explains.

Index letters: C channels, K calls of n samples each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect.evidence import Array, Call, Evidence, Norm, Outputs
from bnviz.inspect.sampling import MATTERS, normal_quantile, shared_out, t_quantile
from bnviz.theory.running import initial_weight, squared_weights

QUANTITY = Phrase(
    N_(
        "RMS difference between outputs with running and with batch statistics, in their standard deviations, less chance"
    )
)
"""What `output_gap` measures."""

TINY = 1e-300
# Variances add: beyond twice the noise of the batch three quarters of a squared difference are something else.
TIMES = 2.0
# A tenth of all decisions. No theory gives this number; it must also be beyond chance.
DECISIONS = 0.1
LOST = 2.0  # bits: the probability of what train mode is sure of falls to a quarter; no theory gives this number
START = 0.05  # weight of the initial values, as in `started_recently`


@dataclass(frozen=True)
class Pooled:
    """K calls of a layer as one sample."""

    mean: Array
    """(C,)"""
    var: Array
    """(C,) average unbiased variance."""
    mean_error: Array
    """(C,) squared standard error of one batch's mean."""
    var_error: Array
    """(C,) squared relative standard error of one batch's variance."""
    calls: int
    degrees: int
    """Degrees of freedom behind the errors."""


@dataclass(frozen=True)
class Gap:
    """Running statistics against the batches."""

    squared: Array
    """(C,) mean squared difference of the normalized outputs (before γ), less what chance explains."""
    significant: bool
    """Whether at least one channel is beyond what chance explains."""

    @property
    def rms(self) -> float:
        """Root mean square over channels, in standard deviations of the output."""
        return math.sqrt(max(float(self.squared.mean()), 0.0))


def pooled(calls: Sequence[Call]) -> Pooled | None:
    """None where no call has two samples, or where a value was not finite."""
    usable = [call for call in calls if call.n > 1 and not call.nonfinite]
    if not usable:
        return None
    var = np.mean([call.unbiased for call in usable], axis=0)
    relative = np.mean([_relative_var_error(call) for call in usable], axis=0)
    return Pooled(
        mean=np.mean([call.mean for call in usable], axis=0),
        var=var,
        mean_error=np.mean([call.between / call.n for call in usable], axis=0),
        var_error=np.where(var > 0, relative, 0.0),
        calls=len(usable),
        degrees=sum(call.n - 1 for call in usable),
    )


def _relative_var_error(call: Call) -> Array:
    """(C,) squared relative standard error of a call's variance; at few samples that of a normal law at least."""
    measured = (call.var_error / np.maximum(call.var, TINY)) ** 2
    return np.maximum(measured, 2 / (call.n - 1)) if call.per_sample == 1 else np.asarray(measured)


def output_gap(mean: Array, var: Array, running_mean: Array, running_var: Array, eps: float | Array) -> Array:
    """(C,) mean squared difference between (x − running_mean)/√(running_var + ε) and (x − mean)/√(var + ε), x with `mean`, `var`.

    Source: algebra; `bnviz.theory.running.eval_error` is its expectation.
    """
    used = np.maximum(running_var, 0.0) + eps
    scale = np.sqrt(var) * (1 / np.sqrt(used) - 1 / np.sqrt(var + eps))
    return np.asarray(scale**2 + (mean - running_mean) ** 2 / used)


def running_gap(norm: Norm, calls: Sequence[Call], layers: int) -> Gap | None:
    """The gap of `norm`, one of so many `layers` that are looked at; None where nothing can be compared."""
    sample, estimates = pooled(calls), norm.estimates
    if sample is None or estimates is None or not (np.isfinite(estimates[0]).all() and np.isfinite(estimates[1]).all()):
        return None
    running_mean, running_var = estimates
    if running_mean.shape != sample.mean.shape:
        return None
    # Both sides are noisy: the batches at hand, and the estimate, which averages over few of them.
    noise = 1 / sample.calls + _remaining_noise(norm)
    chance = sample.mean_error * noise / (np.maximum(running_var, 0.0) + norm.eps) + sample.var_error * noise / 4
    squared = output_gap(sample.mean, sample.var, running_mean, running_var, norm.eps) - chance
    limit = t_quantile(shared_out(2 * layers * sample.mean.size), sample.degrees)
    z_mean = np.abs(sample.mean - running_mean) / np.sqrt(sample.mean_error * noise + TINY)
    ratio = np.log((sample.var + norm.eps) / (np.maximum(running_var, 0.0) + norm.eps))
    z_var = np.abs(ratio) / np.sqrt(sample.var_error * noise + TINY)
    return Gap(squared, bool((np.maximum(z_mean, z_var) > limit).any()))


def one_batch_by_chance(norm: Norm, call: Call) -> float:
    """What chance adds to the mean squared gap of one batch as `call` is, of which the running statistics hold nothing yet."""
    noise = 1 + _remaining_noise(norm)
    var = np.where(_relative_var_error(call) > 0, _relative_var_error(call), 0.0)
    return float(np.mean(noise * (call.between / call.n / (call.unbiased + norm.eps + TINY) + var / 4)))


def _remaining_noise(norm: Norm) -> float:
    """Share of one batch's noise that is left in the running estimate: α/(2 − α)·(1 − (1 − α)^{2t})."""
    if norm.momentum is not None and not 0 < norm.momentum <= 1:
        return 1.0
    updates = math.inf if norm.updates is None or norm.updates == 0 else norm.updates
    if norm.momentum is None:
        return 0.0 if updates == math.inf else 1.0 / updates
    return float(squared_weights(norm.momentum, updates))


def decides_otherwise(outputs: Outputs) -> bool:
    """Whether decisions change with the mode, and were firm: a network that has hardly learned decides by trifles."""
    return changes_decisions(outputs) and outputs.train_eval >= MATTERS and outputs.lost >= LOST


def changes_decisions(outputs: Outputs) -> bool:
    """Whether more decisions change with the mode than with the batch-mates, beyond chance (two shares of so many samples)."""
    excess, error = outputs.changed - outputs.unsettled, outputs.changed + outputs.unsettled
    if not outputs.decided or excess < DECISIONS:
        return False
    return excess > normal_quantile(shared_out(1)) * math.sqrt(error / outputs.decided)


def beginning(evidence: Evidence, norm: Norm) -> bool:
    """Whether the look of a watched training is so early that the initial values still weigh: every training begins so."""
    if evidence.course is None or norm.updates is None or norm.momentum is None or not 0 < norm.momentum <= 1:
        return False
    return float(initial_weight(norm.momentum, norm.updates)) > START
