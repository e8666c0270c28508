"""NaN or infinity on its way through the model, although the running statistics are whole."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error at the first layer that receives one; everything behind it is a consequence."""
    for name, calls in evidence.calls.items():
        bad = sum(call.nonfinite for call in calls)
        if bad:
            yield Finding(
                rule=RULE.name,
                severity="error",
                layers=(name,),
                quantity=Phrase(N_("inputs of the layer that are NaN or infinite")),
                measured=float(bad),
                expected=0.0,
                cause=Phrase(
                    N_(
                        "A value is not finite before it reaches this layer; in train mode it spoils the whole "
                        "channel and the running statistics for good."
                    )
                ),
                cure=Phrase(N_("Look for it in the inputs and in the layers before; skip such batches.")),
                code="assert all(torch.isfinite(batch).all() for batch, *_ in loader)",
                link=links.link("modes", topic="poison"),
                case="poisoned",
            )
            return


RULE = Rule("not_finite", priority=2, find=find, spreads=True)
