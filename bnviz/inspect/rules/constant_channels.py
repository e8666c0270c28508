"""Channels that do not vary over the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import root
from bnviz.inspect.evidence import Call, Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import SHARE, drowned, flat

HALF: Final = 0.5
# What may stand between the model's input and a norm that takes its columns as they are.
AS_THEY_ARE: Final = frozenset({"input", "view", "reshape", "flatten", "permute", "transpose", "to", "float"})
# A tenth of the factor that ε alone would leave: momentum forgets the initial variance 1 only by and by. No theory gives this number.
NEARLY: Final = 10.0


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half the channels of a layer are constant, else a note: normalizing them gives β, or amplified rounding.

    A warning too where a norm takes the model's inputs: nothing keeps a column from moving later, and ε alone is its scale.
    """
    shares: dict[str, float] = {}
    factors: dict[str, float] = {}
    for norm in evidence.batch_norms:
        calls = [call for call in evidence.calls.get(norm.name, ()) if call.n > 1 and not call.nonfinite]
        if not calls:
            continue
        if (factor := _amplified(evidence, norm, calls)) is not None:
            factors[norm.name] = factor
            continue
        flats = [flat(call.mean, call.var) & ~drowned(call.mean, call.var, norm.eps) for call in calls]
        constant = np.all(flats, axis=0)
        if constant.any():
            shares[norm.name] = float(constant.mean())
    if factors:
        yield _moving(evidence, factors)
    if not shares:
        return
    layers, worst = worst_first(shares.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if worst >= HALF else "note",
        layers=layers,
        quantity=Phrase(N_("share of channels without any spread over the batch")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_(
                "The layer before it gives the same value for every sample: zero weights, dead units before it, or a "
                "constant input."
            )
        ),
        cure=Phrase(N_("Find where the signal ends: inputs, initialization, dead units.")),
        code="print([(name, float(p.detach().abs().max())) for name, p in model.named_parameters()])",
        link=links.link("layer", eps=links.eps(1e-5)),
        case=None,
    )


def _amplified(evidence: Evidence, norm: Norm, calls: Sequence[Call]) -> float | None:
    """By what factor `norm` multiplies a change of a column of the inputs that hardly varies; None where there is no such column.

    Where most columns are as small as that it is their unit, and `large_eps` tells.
    """
    around = evidence.surroundings.get(norm.name)
    if around is None or not around.before or not AS_THEY_ARE.issuperset(around.before) or norm.running_var is None:
        return None
    var = norm.running_var
    still = np.all(
        [
            (flat(call.mean, call.var) | (call.var <= SHARE**2 * norm.eps)) & ~drowned(call.mean, call.var, norm.eps)
            for call in calls
        ],
        axis=0,
    ) & ((var >= 0) & (var <= NEARLY * norm.eps))
    exact = np.all([call.var == 0 for call in calls], axis=0)
    if not still.any() or (still.mean() >= HALF and not exact[still].all()):
        return None
    return float(1 / np.sqrt(var[still].min() + norm.eps))


def _moving(evidence: Evidence, factors: Mapping[str, float]) -> Finding:
    layers, worst = worst_first(factors.items())
    norm = next(norm for norm in evidence.batch_norms if norm.name == layers[0])
    return Finding(
        rule=RULE.name,
        severity="warning",
        layers=layers,
        quantity=Phrase(N_("factor by which the layer multiplies a change of an input that hardly varied")),
        measured=worst,
        expected=1.0,
        cause=Phrase(
            N_(
                "Columns of the inputs hardly vary: little but ε = {eps} is left of their running variance. A column that moves "
                "at evaluation by 1 moves the layer's output by {factor}."
            ),
            {"eps": f"{norm.eps:g}", "factor": f"{worst:.0f}"},
        ),
        cure=Phrase(
            N_("Leave such columns out, in training and evaluation alike, until there are data in which they vary.")
        ),
        code=f"norm = {root(evidence)}.get_submodule({layers[0]!r})\n"
        f"still = norm.running_var <= {NEARLY:g} * norm.eps  # columns to leave out, in training and evaluation alike\n"
        "print(still.nonzero().flatten().tolist())",
        link=links.link("layer", eps=links.eps(norm.eps)),
        case="constant_input",
    )


RULE = Rule("constant_channels", priority=39, find=find, spreads=True)
