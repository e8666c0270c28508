"""Weight decay on γ and β."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note: it pulls γ towards zero and regularizes nothing that the layer before could not undo."""
    if not evidence.setup.decay:
        return
    layers, worst = worst_first(evidence.setup.decay.items())
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=layers,
        quantity=Phrase(N_("weight decay on γ and β")),
        measured=worst,
        expected=0.0,
        cause=Phrase(N_("The optimizer decays γ and β like weights: γ shrinks towards zero.")),
        cure=Phrase(N_("Give the norm layers a parameter group without decay.")),
        code="norms = [p for m in model.modules() if hasattr(m, 'running_var') for p in m.parameters(recurse=False)]\n"
        "rest = [p for p in model.parameters() if all(p is not q for q in norms)]\n"
        "optimizer = torch.optim.AdamW([{'params': rest}, {'params': norms, 'weight_decay': 0.0}])",
        link=links.link("weight_decay", decayed="all"),
        case=None,
    )


RULE = Rule("weight_decay", priority=88, find=find)
