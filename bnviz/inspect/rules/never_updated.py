"""Running statistics exactly as in a new layer, although the model is trained: the buffers were not saved or not loaded."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error where γ or β moved; a note where the layers are as new as their statistics."""
    fresh = [
        norm for norm in evidence.batch_norms if norm.fresh and norm.momentum != 0 and evidence.calls.get(norm.name)
    ]
    trained = bool(evidence.setup.optimizer_steps) or any(norm.moved for norm in evidence.batch_norms)
    used = [norm for norm in fresh if norm.moved or (norm.gamma is None and trained)]
    if not fresh:
        return
    yield Finding(
        rule=RULE.name,
        severity="error" if used else "note",
        layers=tuple(norm.name for norm in used or fresh),
        quantity=Phrase(N_("share of channels whose running statistics are still 0 and 1")),
        measured=1.0,
        expected=0.0,
        cause=Phrase(
            N_(
                "The parameters are trained and the running statistics are those of a new layer: the buffers were not saved, "
                "not loaded, or never updated."
            )
            if used
            else N_("The layers are new: in eval mode they normalize nothing.")
        ),
        cure=Phrase(N_("Save and load the whole state_dict, buffers included, or refill the statistics.")),
        code="torch.optim.swa_utils.update_bn(loader, model)  # or: model.load_state_dict(state, strict=True)",
        link=links.link("layer", mode="eval", warmup=0),
        case="eval_differs",
    )


RULE = Rule(
    "never_updated",
    priority=5,
    find=find,
    explained_by=frozenset({"eval_while_training"}),
    seen_by=frozenset({"check"}),
)
