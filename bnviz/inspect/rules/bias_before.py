"""A bias that batch norm subtracts again."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import root
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note: harmless, and its gradient is zero."""
    found = {
        norm.name: norm.channels
        for norm in evidence.batch_norms
        if (around := evidence.surroundings.get(norm.name)) is not None and around.bias is not None
    }
    if found:
        yield Finding(
            rule=RULE.name,
            severity="note",
            layers=tuple(found),
            quantity=Phrase(N_("parameters whose gradient is always zero in train mode")),
            measured=float(sum(found.values())),
            expected=0.0,
            cause=Phrase(
                N_("The layer before it adds a bias, and subtracting the mean takes it away again; β does its work.")
            ),
            cure=Phrase(N_("Leave the bias out.")),
            code=_code(evidence, tuple(found)),
            link=links.link("placement"),
            case="redundant_bias",
        )


def _code(evidence: Evidence, norms: tuple[str, ...]) -> str:
    """For a trained model, whose running means hold the biases; for what has no layer of its own, how it is built."""
    pairs = {evidence.fronts[norm].layer: norm for norm in norms if norm in evidence.fronts}
    if not pairs:
        return "torch.nn.Linear(inputs, outputs, bias=False)  # or: torch.nn.Conv2d(inputs, outputs, 3, bias=False)"
    model = root(evidence)
    return (
        f"for layer, norm in {pairs!r}.items():\n"
        f"    layer, norm = {model}.get_submodule(layer), {model}.get_submodule(norm)\n"
        "    if norm.running_mean is not None:\n"
        "        norm.running_mean -= layer.bias.detach()\n"
        "    layer.register_parameter('bias', None)"
    )


RULE = Rule("bias_before", priority=90, find=find, seen_by=frozenset({"check"}))
