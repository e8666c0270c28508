"""What the experiment says: evaluations before and after the statistics were counted again, judged by size and by chance."""

from __future__ import annotations

import math
from typing import Final, Literal

from bnviz.inspect.evidence import Refill
from bnviz.inspect.sampling import FALSE_ALARMS, t_quantile

Outcome = Literal["better", "worse", "same", "unclear"]

# A tenth of the larger loss, or of the outputs' standard deviation. No theory gives this number.
LEAST: Final = 0.1


def outcome(refill: Refill) -> Outcome:
    """A change counts from a tenth on, and if chance explains it, it is unclear; a number is better than none."""
    if not (math.isfinite(refill.before) and math.isfinite(refill.after)):
        return "better" if math.isfinite(refill.after) else "worse" if math.isfinite(refill.before) else "same"
    gain = refill.before - refill.after
    if gain == 0 or abs(gain) < LEAST * (max(abs(refill.before), abs(refill.after)) if refill.is_loss else 1):
        return "same"
    if refill.error is None or not abs(gain) > t_quantile(FALSE_ALARMS, refill.degrees) * refill.error:
        return "unclear"
    return "better" if gain > 0 else "worse"
