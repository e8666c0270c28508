"""Each device normalizes with its own part of the batch."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note where several devices take part without synchronized statistics; small parts have a rule of their own."""
    setup, n = evidence.setup, evidence.batch_size
    layers = tuple(norm.name for norm in evidence.batch_norms if norm.type_name != "SyncBatchNorm")
    ranks = max(setup.ranks, evidence.course.ranks if evidence.course is not None else 1)
    if not setup.wrapper or n is None or not layers or setup.replicas * ranks == 1:
        return
    part = n / setup.replicas
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=layers,
        quantity=Phrase(N_("samples per statistic on one device, and of all devices together")),
        measured=part,
        expected=float(n * ranks),
        relation="beside",
        cause=Phrase(
            N_(
                "{wrapper}: every device has a mean and variance of its own, and the running statistics that are "
                "kept are those of the first."
            ),
            {"wrapper": setup.wrapper},
        ),
        cure=Phrase(N_("Synchronize where the parts are small or differ in kind; it takes a process for each device.")),
        code="module = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model.module)\n"
        "model = torch.nn.parallel.DistributedDataParallel(module)",
        link=links.link("devices", **links.devices(setup.replicas * ranks, part)),
        case=None,
    )


RULE = Rule("replica_batch", priority=85, find=find)
