"""Layers that normalize with the batch although the model is in eval mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule

FORWARD: Final = """\
def forward(self, x):
    return torch.nn.functional.batch_norm(
        x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
    )"""


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error: answers depend on batch-mates, and every evaluation moves the statistics."""
    layers = evidence.setup.batch_training_in_eval
    if layers:
        left = any(norm.training for norm in evidence.norms if norm.name in layers) and not evidence.setup.training
        yield Finding(
            rule=RULE.name,
            severity="error",
            layers=layers,
            quantity=Phrase(N_("batch norms that use batch statistics in eval mode although they have running ones")),
            measured=float(len(layers)),
            expected=0.0,
            cause=Phrase(
                N_("The layer is in train mode inside a model in eval mode; an export would keep it so.")
                if left
                else N_("The layer calls batch_norm with training=True whatever the mode; an export would keep it so.")
            ),
            cure=Phrase(
                N_("Call eval() on the whole model, last; switch Dropout alone on where you need it.")
                if left
                else N_("Pass self.training where the layer calls batch_norm.")
            ),
            code="model.eval()" if left else FORWARD,
            link=links.link(
                "modes", topic="influence", mode="train", batch_size=links.batch_size(evidence.batch_size or 32)
            ),
            case="leaking_mates",
        )


RULE = Rule("training_in_eval", priority=6, find=find, seen_by=frozenset({"check"}))
