"""Running statistics that no batch could have: negative, NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error: every output of the channel is NaN, or none of it is right."""
    shares: dict[str, float] = {}
    for norm in evidence.batch_norms:
        if norm.estimates is not None:
            mean, var = norm.estimates
            wrong = ~np.isfinite(mean) | ~np.isfinite(var) | (var < 0)
            if wrong.any():
                shares[norm.name] = float(wrong.mean())
    if not shares:
        return
    layers, worst = worst_first(shares.items())
    yield Finding(
        rule=RULE.name,
        severity="error",
        layers=layers,
        quantity=Phrase(N_("share of channels with a negative, NaN or infinite running statistic")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_(
                "One batch with NaN, infinity or an overflow is enough: the running average never forgets it. Negative variances "
                "come from a wrong conversion or from momentum outside 0 to 1."
            )
        ),
        cure=Phrase(N_("Reset the statistics, refill them, and skip batches that are not finite.")),
        code="for module in model.modules():\n    if hasattr(module, 'reset_running_stats'):\n"
        "        module.reset_running_stats()\n"
        "torch.optim.swa_utils.update_bn(loader, model)",
        link=links.link("modes", topic="poison"),
        case="poisoned",
    )


RULE = Rule("invalid_statistics", priority=1, find=find)
