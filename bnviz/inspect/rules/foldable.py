"""Batch norm with nothing but weights before the next norm: no nonlinearity between."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import in_place, root
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule

WEIGHTS = ("linear", "conv")


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note: layer, norm and layer are one linear map in eval mode."""
    layers = tuple(
        norm.name
        for norm in evidence.batch_norms
        if (around := evidence.surroundings.get(norm.name)) is not None
        and around.behind
        and all(name.startswith(WEIGHTS) for name in around.behind)
        and any(name.startswith(WEIGHTS) for name in around.before[:1])
    )
    if layers:
        yield Finding(
            rule=RULE.name,
            severity="note",
            layers=layers,
            quantity=Phrase(N_("batch norms between two weight layers without a nonlinearity")),
            measured=float(len(layers)),
            expected=0.0,
            cause=Phrase(
                N_(
                    "Weights, batch norm and weights in a row are one linear map in eval mode; an activation may be missing."
                )
            ),
            cure=Phrase(N_("Add the activation after the norm, or fold the layers together for inference.")),
            code=in_place(
                evidence,
                layers[0],
                f"torch.nn.Sequential({root(evidence)}.get_submodule({layers[0]!r}), torch.nn.ReLU())",
            ),
            link=links.link("placement"),
            case=None,
        )


RULE = Rule("foldable", priority=48, find=find, seen_by=frozenset({"check"}))
