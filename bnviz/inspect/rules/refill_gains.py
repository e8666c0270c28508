"""The experiment: statistics counted again on a copy make the evaluation better."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule

# A tenth of the loss, or of the outputs' standard deviation. No theory gives this number; the gain must also be beyond chance.
LEAST = 0.1
STANDARD_ERRORS = 4.0


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note either way: in the middle of a training the statistics lag behind the weights, and refilling gains in healthy models too."""
    refill = evidence.refill
    if refill is None:
        return
    gain = refill.before - refill.after
    matters = math.isfinite(refill.after) and (
        not math.isfinite(refill.before)  # statistics that one bad batch has spoiled
        or (
            gain > STANDARD_ERRORS * refill.error
            and gain >= (LEAST * max(refill.before, 0.0) if refill.is_loss else LEAST)
        )
    )
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=(),
        quantity=Phrase(
            N_("loss in eval mode with the statistics as they are, and refilled")
            if refill.is_loss
            else N_("difference between train and eval outputs with the statistics as they are, and refilled")
        ),
        measured=refill.before,
        expected=refill.after,
        relation="exactly",
        cause=Phrase(
            N_("The weights are better than the evaluation says: the running statistics were not theirs.")
            if matters
            else N_(
                "Counting the statistics again changes nothing that matters: what is wrong, if anything, is not in them."
            )
        ),
        cure=Phrase(N_("Keep the refilled statistics.") if matters else N_("Leave them as they are.")),
        code="torch.optim.swa_utils.update_bn(loader, model)" if matters else "",
        link=links.link("modes", topic="momentum_error"),
        case="eval_differs",
    )


RULE = Rule("refill_gains", priority=72, find=find)
