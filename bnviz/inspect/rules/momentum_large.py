"""A momentum with which the newest batch outweighs all others together."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

# The newest batch weighs α, all earlier ones together 1 − α: beyond ½ the running statistics are one batch's.
LARGEST = 0.5


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning: typical of Keras' momentum (0.9, 0.99: the weight of the old value) copied as it is."""
    values = {
        norm.name: norm.momentum
        for norm in evidence.batch_norms
        if norm.tracks and norm.estimates is not None and norm.momentum is not None and norm.momentum > LARGEST
    }
    if not values:
        return
    layers, worst = worst_first(values.items())
    yield Finding(
        rule=RULE.name,
        severity="error" if worst > 1 else "warning",
        layers=layers,
        quantity=Phrase(N_("weight of the newest batch in the running statistics (momentum)")),
        measured=worst,
        expected=LARGEST,
        cause=Phrase(
            N_(
                "The last batch outweighs all others together. Keras writes the weight of the old value: its "
                "{keras} is PyTorch's {here}."
            ),
            {"keras": f"{worst:g}", "here": f"{max(1 - worst, 0):.3g}"},
        ),
        cure=Phrase(N_("Convert the momentum: PyTorch's is 1 minus Keras'.")),
        code=on_each(evidence, layers, f"norm.momentum = {1 - worst if worst < 1 else 0.1:.3g}"),
        link=links.link(
            "running_stats",
            momentums=f"{links.momentum(worst):g},0.1",
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="keras_momentum",
    )


RULE = Rule("momentum_large", priority=31, find=find)
