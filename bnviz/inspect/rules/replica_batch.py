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
    """A note for DataParallel and DistributedDataParallel without synchronized statistics; small parts have a rule of their own."""
    setup, n = evidence.setup, evidence.batch_size
    layers = tuple(norm.name for norm in evidence.batch_norms if norm.type_name != "SyncBatchNorm")
    if not setup.wrapper or n is None or not layers:
        return
    part = n / setup.replicas
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=layers,
        quantity=Phrase(N_("samples behind one statistic on one device")),
        measured=part,
        expected=float(n),
        relation="exactly",
        cause=Phrase(
            N_(
                "{wrapper}: every device has a mean and variance of its own, and the running statistics that are "
                "kept are those of the first."
            ),
            {"wrapper": setup.wrapper},
        ),
        cure=Phrase(N_("Synchronize where the parts are small or differ in kind.")),
        code="model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)",
        link=links.link("devices", **links.devices(setup.replicas, part)),
        case=None,
    )


RULE = Rule("replica_batch", priority=85, find=find)
