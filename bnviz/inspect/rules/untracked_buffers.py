"""track_running_stats switched off on a layer that still has running statistics."""

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
    """An error: training no longer updates them, and eval mode still uses them."""
    suspects = [norm.name for norm in evidence.batch_norms if not norm.tracks and norm.estimates is not None]
    if suspects:
        yield Finding(
            rule=RULE.name,
            severity="error",
            layers=tuple(suspects),
            quantity=Phrase(N_("layers whose running statistics are kept, used in eval mode and never updated")),
            measured=float(len(suspects)),
            expected=0.0,
            cause=Phrase(
                N_(
                    "track_running_stats=False was set on a finished layer: PyTorch stops updating the buffers "
                    "and goes on using them in eval mode."
                )
            ),
            cure=Phrase(N_("Set both buffers to None as well, or build the layer with track_running_stats=False.")),
            code=on_each(evidence, suspects, "norm.running_mean = norm.running_var = None"),
            link=links.link("layer", track_running_stats="false", mode="eval"),
            case="test_time_batches",
        )


RULE = Rule("untracked_buffers", priority=3, find=find)
