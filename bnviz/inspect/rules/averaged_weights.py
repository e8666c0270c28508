"""Averaged weights (EMA, SWA) whose running statistics are not those of the averaged weights."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import QUANTITY, running_gap
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error or a warning by the size of the gap; only for models that are taken for averaged ones."""
    if evidence.setup.averaged is None:
        return
    candidates = [norm for norm in evidence.batch_norms if norm.estimates is not None]
    gaps = {
        norm.name: gap.rms
        for norm in candidates
        if (gap := running_gap(norm, evidence.calls.get(norm.name, ()), len(candidates))) is not None
        and gap.significant
        and gap.rms >= MATTERS
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
        expected=MATTERS,
        cause=Phrase(
            N_(
                "The weights look averaged ({reason}); the buffers were left as they were, and belong to no weights at all."
            ),
            {"reason": evidence.setup.averaged},
        ),
        cure=Phrase(N_("Refill the statistics of the averaged model with a pass over training batches.")),
        code="torch.optim.swa_utils.update_bn(loader, model)",
        link=links.link("averages"),
        case=None,
    )


RULE = Rule("averaged_weights", priority=8, find=find, seen_by=frozenset({"check"}))
