"""momentum=0: the counter goes on and the statistics stay."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN, on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error where the statistics are still those of a new layer, else a warning: they never change again."""
    stuck = [norm for norm in evidence.batch_norms if norm.momentum == 0 and norm.estimates is not None and norm.tracks]
    if not stuck:
        return
    fresh = any(norm.fresh for norm in stuck)
    yield Finding(
        rule=RULE.name,
        severity="error" if fresh else "warning",
        layers=tuple(norm.name for norm in stuck),
        quantity=Phrase(N_("weight of a new batch in the running statistics (momentum)")),
        measured=0.0,
        expected=0.1,
        relation="exactly",
        cause=Phrase(
            N_(
                "With momentum 0 no batch ever enters the running statistics. Frameworks that weigh the old value call this 1."
            )
        ),
        cure=Phrase(N_("Set PyTorch's momentum, the weight of the newest batch, and refill the statistics.")),
        code=on_each(evidence, [norm.name for norm in stuck], "norm.momentum = 0.1") + "\n" + UPDATE_BN,
        link=links.link("running_stats", momentums="0.001,0.1"),
        case="keras_momentum",
    )


RULE = Rule("momentum_zero", priority=4, find=find)
