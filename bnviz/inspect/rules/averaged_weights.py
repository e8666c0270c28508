"""Averaged weights (EMA, SWA) whose running statistics are not those of the averaged weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import QUANTITY, TIMES, running_gap
from bnviz.inspect.outcome import outcome
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS

# Layer by layer, where the outputs tell the rest: gaps add up through a network. No theory gives this number.
SHOWS: Final = 0.1


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error or a warning by the size of the gap; only for models that are taken for averaged ones."""
    if evidence.setup.averaged is None:
        return
    borrows = evidence.setup.borrows_buffers
    least = SHOWS if borrows and _matters(evidence) else MATTERS
    candidates = [norm for norm in evidence.batch_norms if norm.estimates is not None]
    gaps = {
        norm.name: gap.rms
        for norm in candidates
        if (gap := running_gap(norm, evidence.calls.get(norm.name, ()), len(candidates))) is not None
        and gap.significant
        and gap.rms >= least
        and not (norm.fresh and not norm.moved)
    }
    if not gaps:
        return
    layers, worst = worst_first(gaps.items())
    yield Finding(
        rule=RULE.name,
        severity="error" if worst >= 1 else "warning",
        layers=layers,
        quantity=QUANTITY,
        measured=worst,
        expected=least,
        cause=Phrase(
            N_(
                "{reason} averages the weights and takes the buffers of the last ones (use_buffers=False): the "
                "statistics were not estimated for the average."
            )
            if borrows
            else N_(
                "The weights look averaged ({reason}); the buffers were left as they were, and belong to no weights at all."
            ),
            {"reason": evidence.setup.averaged},
        ),
        cure=Phrase(N_("Refill the statistics of the averaged model with a pass over training batches.")),
        code=UPDATE_BN,
        link=links.link("averages"),
        case=None,
    )


def _matters(evidence: Evidence) -> bool:
    """Whether the evaluation gains by statistics that are counted again; without that experiment, whether the outputs differ."""
    if evidence.refill is not None and evidence.refill.is_loss:
        return outcome(evidence.refill) == "better"
    outputs = evidence.outputs
    return outputs is not None and outputs.noise is not None and outputs.train_eval > TIMES * outputs.noise


RULE = Rule("averaged_weights", priority=8, find=find, seen_by=frozenset({"check"}))
