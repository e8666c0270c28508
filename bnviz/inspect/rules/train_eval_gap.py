"""Train and eval outputs differ by more than the noise of the batch explains."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule

# Variances add: beyond twice the noise three quarters of the squared difference are something else.
TIMES = 2.0
# Layer by layer half a standard deviation matters; through a network such gaps add up, and a whole one is asked for. No theory.
LEAST = 1.0


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note where the difference matters and batch-mates do not explain it; weights that still move fast give such gaps, too."""
    outputs = evidence.outputs
    if (
        outputs is None
        or outputs.noise is None
        or not evidence.batch_norms
        or all(n.fresh for n in evidence.batch_norms)
    ):
        return
    limit = max(TIMES * outputs.noise, LEAST)
    if outputs.train_eval <= limit:
        return
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=(),
        quantity=Phrase(
            N_("RMS difference of the model's outputs between train and eval mode, in their standard deviations")
        ),
        measured=outputs.train_eval,
        expected=limit,
        cause=Phrase(
            N_("Two halves of the batch differ by {noise} in train mode; eval mode is further away than that."),
            {"noise": f"{outputs.noise:.2g}"},
        ),
        cure=Phrase(N_("Look at the layers' gaps, and refill the statistics on a copy (recalibrate=loader).")),
        code="bnviz.check(model, loader, loss=loss, recalibrate=loader)",
        link=links.link("modes", topic="gap", batch_size=links.batch_size(evidence.batch_size or 32)),
        case="eval_differs",
    )


RULE = Rule(
    "train_eval_gap",
    priority=70,
    find=find,
    explained_by=frozenset(
        {
            "averaged_weights",
            "batch_too_small",
            "dropout_before",
            "eval_while_training",
            "far_from_batches",
            "invalid_statistics",
            "momentum_large",
            "momentum_zero",
            "never_updated",
            "not_finite",
            "started_recently",
            "training_in_eval",
            "two_populations",
            "untracked_buffers",
        }
    ),
)
