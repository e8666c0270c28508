"""Ranks whose batches differ: the running statistics that are kept know only the first rank's data."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the ranks' average batch means are half a standard deviation apart."""
    course = evidence.course
    if course is None or course.rank_gap is None:
        return
    gaps = {
        norm.name: float(gap)
        for norm, gap in zip(evidence.norms, course.rank_gap, strict=True)
        if norm.kind == "batch" and gap >= MATTERS
    }
    if not gaps:
        return
    layers, worst = worst_first(gaps.items())
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(
            N_("RMS difference between ranks' average batch means, in standard deviations ({ranks} ranks)"),
            {"ranks": course.ranks},
        ),
        measured=worst,
        expected=MATTERS,
        cause=Phrase(
            N_(
                "The ranks see different data (sorted shards, domains), and each normalizes with its own; only "
                "rank 0's running statistics are saved."
            )
        ),
        cure=Phrase(N_("Shuffle before sharding, or synchronize the statistics.")),
        code="model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)\n"
        "sampler = torch.utils.data.DistributedSampler(dataset, shuffle=True)",
        link=links.link(
            "devices",
            **links.devices(course.ranks, evidence.batch_size or 16),
            shards="shifted",
            shift=min(round(worst, 2), 5.0),
        ),
        case=None,
    )


RULE = Rule("ranks_differ", priority=38, find=find, seen_by=frozenset({"watch"}))
