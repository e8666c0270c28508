"""A normalization layer that directly follows another."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import in_place
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning for batch norm after batch norm, where errors of eval mode multiply; a note for others."""
    pairs = {
        norm.name: around.norm_before
        for norm in evidence.norms
        if (around := evidence.surroundings.get(norm.name)) is not None and around.norm_before is not None
    }
    if not pairs:
        return
    kinds = {norm.name: norm.kind for norm in evidence.norms}
    twice = [name for name, before in pairs.items() if kinds[name] == "batch" and kinds.get(before) == "batch"]
    chosen = twice or list(pairs)
    yield Finding(
        rule=RULE.name,
        severity="warning" if twice else "note",
        layers=tuple(chosen),
        quantity=Phrase(N_("normalization layers with nothing between them and the one before")),
        measured=float(len(chosen)),
        expected=0.0,
        cause=Phrase(
            N_(
                "{second} receives what {first} has normalized already; nothing is left for it to do but add its noise."
            ),
            {"first": pairs[chosen[0]], "second": chosen[0]},
        ),
        cure=Phrase(N_("Remove one of the two.")),
        code=in_place(evidence, chosen[0], "torch.nn.Identity()"),
        link=links.link("placement"),
        case="shrinking_chain",
    )


RULE = Rule("norm_after_norm", priority=42, find=find, seen_by=frozenset({"check"}))
