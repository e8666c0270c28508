"""Batch norm without running statistics: eval mode normalizes with whatever batch it gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN, on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule
from bnviz.inspect.sampling import fidelity

DECIDES: Final = 0.5  # of the variance; no theory gives this number
CODE: Final = (
    "norm.track_running_stats = True",
    "device = next(model.parameters()).device",
    "norm.running_mean = torch.zeros(norm.num_features, device=device)",
    "norm.running_var = torch.ones(norm.num_features, device=device)",
    "norm.num_batches_tracked = torch.tensor(0, device=device)",
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note: it may be meant, and then each answer depends on its batch-mates.

    A warning where a checked batch is so small that they, or their absence, make up most of it. Batches of a training do not tell.
    """
    suspects = [
        norm
        for norm in evidence.batch_norms
        if norm.estimates is None and not norm.tracks and evidence.calls.get(norm.name)
    ]
    if not suspects:
        return
    n = min(call.effective for norm in suspects for call in evidence.calls[norm.name])
    share = 1 - fidelity(n)
    yield Finding(
        rule=RULE.name,
        severity="warning" if share >= DECIDES and evidence.course is None else "note",
        layers=tuple(norm.name for norm in suspects),
        quantity=Phrase(N_("share of an output's variance that its batch-mates contribute in eval mode")),
        measured=share,
        expected=0.0,
        cause=Phrase(N_("Built with track_running_stats=False, the layer normalizes with the batch in eval mode too.")),
        cure=Phrase(N_("Keep running statistics, or evaluate with batches as large as in training.")),
        code=on_each(evidence, [norm.name for norm in suspects], *CODE) + "\n" + UPDATE_BN,
        link=links.link("modes", topic="influence", batch_size=links.batch_size(evidence.batch_size or 32)),
        case="test_time_batches",
    )


RULE = Rule("no_statistics", priority=45, find=find)
