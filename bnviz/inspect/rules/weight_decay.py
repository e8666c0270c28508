"""Weight decay on γ and β."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import root
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import SHARE, decayed_away, eps_share

HALF: Final = 0.5  # of the channels, as in `dead_channels`
CODE: Final = """\
norms = {{id(p) for name in {layers!r} for p in {root}.get_submodule(name).parameters()}}
for group in list(optimizer.param_groups):
    own = [p for p in group["params"] if id(p) in norms]
    if own:
        group["params"] = [p for p in group["params"] if id(p) not in norms]
        optimizer.add_param_group({{**group, "params": own, "weight_decay": 0.0}})"""


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note: it pulls γ towards zero and regularizes nothing that the layer before could not undo.

    A warning where it went so far that ε outweighs a layer's variance, or that half the channels of a layer are off.
    """
    decay = evidence.setup.decay
    if not decay:
        return
    quantity, expected, values, severe = _done(evidence) or (N_("weight decay on γ and β"), 0.0, decay, None)
    layers, worst = worst_first(values.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if severe else "note",
        layers=layers,
        quantity=Phrase(quantity),
        measured=worst,
        expected=expected,
        cause=Phrase(
            N_(
                "Batch norm hides the size of what comes in, so that little keeps γ and the weights before a norm "
                "from shrinking under a decay of {decay}: by now ε counts, or channels are off."
            )
            if severe is not None
            else N_("The optimizer decays γ and β like weights: γ shrinks towards zero."),
            {"decay": f"{max(decay.values()):g}"},
        ),
        cure=Phrase(
            N_(
                "Give the norm layers a parameter group without decay, and the weights a smaller one; a smaller ε only puts it off."
            )
            if severe is not None
            else N_("Give the norm layers a parameter group without decay.")
        ),
        code=CODE.format(layers=list(decay), root=root(evidence)),
        link=links.link("weight_decay", decayed="all"),
        case=None,
    )


def _done(evidence: Evidence) -> tuple[str, float, Mapping[str, float], bool] | None:
    """What decay has done: quantity, bound, values by layer, and whether it went far; None where nothing shows."""
    shares = {
        norm.name: share
        for norm in evidence.batch_norms
        if (share := eps_share(evidence, norm)) is not None and share.by_decay
    }
    off = {
        norm.name: float(channels.mean())
        for norm in evidence.batch_norms
        if (channels := decayed_away(evidence, norm)) is not None and channels.any()
    }
    severe = any(share.severe for share in shares.values()) or any(share >= HALF for share in off.values())
    if shares:
        values = {name: share.value for name, share in shares.items()}
        return N_("ε over the variance of the layer's input, which decay has shrunk"), SHARE, values, severe
    return (N_("share of channels whose γ decay has taken away"), 0.0, off, severe) if off else None


# A note comes before the symptoms that are notes, and behind what a model is built with; a warning before all that it causes.
RULE = Rule("weight_decay", priority=71, find=find, grave=36)
