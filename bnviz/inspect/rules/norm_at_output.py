"""A normalizer behind the last layer."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import in_place
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule

ENDS = frozenset({"output", "softmax", "log_softmax", "sigmoid", "cross_entropy", "nll_loss"})


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the outputs are class scores, which it holds at one scale; a note elsewhere (projection heads do it on purpose)."""
    ends = {
        norm.name: around.behind
        for norm in evidence.norms
        if (around := evidence.surroundings.get(norm.name)) is not None and around.behind and around.behind <= ENDS
    }
    if not ends:
        return
    scores = evidence.setup.classifies or any(behind != {"output"} for behind in ends.values())
    yield Finding(
        rule=RULE.name,
        severity="warning" if scores else "note",
        layers=tuple(ends),
        quantity=Phrase(N_("normalization layers with nothing after them but the output")),
        measured=float(len(ends)),
        expected=0.0,
        cause=Phrase(
            N_(
                "The model's outputs are normalized: over the batch every output has the mean β and the spread "
                "γ, whatever the inputs say."
            )
        ),
        cure=Phrase(N_("End with the linear layer.")),
        code=in_place(evidence, next(iter(ends)), "torch.nn.Identity()"),
        link=links.link("placement"),
        case=None,
    )


RULE = Rule("norm_at_output", priority=49, find=find, seen_by=frozenset({"check"}))
