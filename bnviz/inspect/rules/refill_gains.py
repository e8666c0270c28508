"""The experiment: what the evaluation becomes with the statistics counted again on a copy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import COUNT_AGAIN
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.outcome import Outcome, outcome
from bnviz.inspect.rule import Rule

CAUSES: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "better": N_("The weights are better than the evaluation says: the running statistics were not theirs."),
        "worse": N_(
            "With re-estimated statistics the evaluation is worse. Where both losses are next to nothing this means "
            "nothing; else the weights have learned with those that are there (in eval mode, or frozen), or "
            "`recalibrate` holds other data, or smaller batches, than the training did."
        ),
        "same": N_(
            "Re-estimating the statistics changes nothing that matters: what is wrong, if anything, is not in them."
        ),
        "unclear": N_(
            "The evaluation changes, by no more than chance may do with so few samples: this cannot be told yet."
        ),
    }
)
CURES: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "better": N_("Keep the refilled statistics."),
        "worse": N_("Leave them as they are, or refill with batches like those of the training."),
        "same": N_("Leave them as they are."),
        "unclear": N_("Give the check more batches, or larger ones."),
    }
)

HALF: Final = 0.5
"""Of the loss. No theory gives this number."""


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note either way: in the middle of a training the statistics lag, and refilling gains in healthy models too.

    A warning where the loss falls to a half or less, beyond chance: whatever it comes from, the evaluation is not the weights' own.
    """
    refill = evidence.refill
    if refill is None:
        return
    result = outcome(refill)
    told = {"error": "–" if refill.error is None or not math.isfinite(refill.error) else f"{refill.error:.2g}"}
    yield Finding(
        rule=RULE.name,
        severity="warning"
        if result == "better" and refill.is_loss and not refill.after > HALF * refill.before
        else "note",
        layers=(),
        quantity=Phrase(
            N_(
                "loss in eval mode with the statistics as they are, and refilled (standard error of the difference {error})"
            )
            if refill.is_loss
            else N_(
                "difference between train and eval outputs with the statistics as they are, and refilled (standard error of "
                "the difference {error})"
            ),
            told,
        ),
        measured=refill.before,
        expected=refill.after,
        relation="beside",
        cause=Phrase(CAUSES[result]),
        cure=Phrase(CURES[result]),
        code=COUNT_AGAIN if result == "better" else "",
        link=links.link("modes", topic="momentum_error"),
        case="eval_differs",
    )


RULE = Rule("refill_gains", priority=72, find=find, seen_by=frozenset({"check"}))
