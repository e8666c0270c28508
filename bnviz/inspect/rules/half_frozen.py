"""γ and β frozen while the running statistics go on moving."""

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
    """A warning: requires_grad=False does not stop the statistics."""
    suspects = [
        norm
        for norm in evidence.batch_norms
        if norm.training and norm.tracks and norm.estimates is not None and norm.trainable and not any(norm.trainable)
    ]
    if not evidence.setup.training or not suspects or evidence.setup.averaged is not None:
        return
    yield Finding(
        rule=RULE.name,
        severity="warning",
        layers=tuple(norm.name for norm in suspects),
        quantity=Phrase(N_("batch norms with frozen γ and β whose statistics move")),
        measured=float(len(suspects)),
        expected=0.0,
        cause=Phrase(
            N_(
                "requires_grad=False freezes parameters, not buffers: in train mode each forward pass still "
                "moves the running statistics."
            )
        ),
        cure=Phrase(N_("Put the frozen layers into eval mode as well, after every model.train().")),
        code="model.train()\n" + on_each(evidence, [norm.name for norm in suspects], "norm.eval()"),
        link=links.link("modes", topic="freeze_matrix", frozen="norms"),
        case="not_frozen",
    )


RULE = Rule("half_frozen", priority=33, find=find)
