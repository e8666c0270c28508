"""The lab `devices` compared with theory, for the chosen channel."""

from __future__ import annotations

import math

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.devices.result import Result
from bnviz.study.comparison import Comparison
from bnviz.theory.shards import chance_between

ENOUGH = 10  # steps from which a standard error is estimated


def expected_between(result: Result) -> float | None:
    """Expected variance of the devices' means of the chosen channel; None for shards that theory does not know."""
    s, c = result.settings, result.settings.channel
    if s.shards == "sorted":
        return None
    spread = s.shift**2 if s.shards == "shifted" and s.devices > 1 else 0.0
    variance = float(result.true_var[c]) / (1 + spread)  # of one device's samples
    return variance * (spread + float(chance_between(s.per_device, s.devices)))


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """The law of total variance, synchronization against one big batch, and the variance of the devices' means over the steps."""
    s, c = result.settings, result.settings.channel
    rows = [
        Comparison(
            Phrase(N_("Variance of the whole batch: within + between")),
            float(result.total[c]),
            float(result.within[c] + result.between[c]),
        ),
        Comparison(
            Phrase(N_("Largest difference of an output, synchronized devices and one big batch")),
            result.sync_difference,
            0.0,
        ),
    ]
    expected = expected_between(result)
    if expected is not None and s.steps >= ENOUGH:
        seen = result.between_by_step[:, c]
        error = float(seen.std(ddof=1)) / math.sqrt(s.steps)
        rows.append(
            Comparison(
                Phrase(N_("Variance between devices, mean over the steps: σ²(shift² + (K − 1)/(K·m))")),
                float(seen.mean()),
                expected,
                error,
            )
        )
    return tuple(rows)
