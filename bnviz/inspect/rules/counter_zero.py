"""Running statistics that moved while num_batches_tracked is 0."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning with momentum=None, where the next batch replaces everything; else a note."""
    suspects = [
        norm
        for norm in evidence.batch_norms
        if norm.updates == 0 and norm.estimates is not None and not norm.fresh and norm.tracks
    ]
    if not suspects:
        return
    cumulative = [norm for norm in suspects if norm.momentum is None]
    yield Finding(
        rule=RULE.name,
        severity="warning" if cumulative else "note",
        layers=tuple(norm.name for norm in cumulative or suspects),
        quantity=Phrase(N_("num_batches_tracked of a layer whose statistics moved")),
        measured=0.0,
        expected=1.0,
        relation="at least",
        cause=Phrase(
            N_(
                "The counter was not loaded with the statistics. With momentum=None the next batch has weight 1 "
                "and replaces them."
            )
            if cumulative
            else N_(
                "The counter was not loaded with the statistics, as in files older than PyTorch 0.4.1, or did not count."
            )
        ),
        cure=Phrase(N_("Load num_batches_tracked too, or set it to the number of batches seen.")),
        code=on_each(
            evidence,
            [norm.name for norm in cumulative or suspects],
            "norm.num_batches_tracked.fill_(len(loader))  # the batches behind the statistics",
        ),
        link=links.link("running_stats", momentums="cumulative"),
        case=None,
    )


RULE = Rule("counter_zero", priority=40, find=find, seen_by=frozenset({"check"}))
