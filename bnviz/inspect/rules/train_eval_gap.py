"""Train and eval outputs differ by more than the noise of the batch explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import COUNT_AGAIN
from bnviz.inspect.evidence import Evidence, Outputs
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import TIMES, decides_otherwise
from bnviz.inspect.outcome import Outcome, outcome
from bnviz.inspect.rule import Rule

# Layer by layer half a standard deviation matters; through a network such gaps add up, and a whole one is asked for. No theory.
LEAST = 1.0

GAINS_NOTHING: Final = N_("Look at the layers' gaps; the evaluation gains nothing by other statistics.")
CURES: Final[Mapping[Outcome | None, str]] = MappingProxyType(
    {
        None: N_("Look at the layers' gaps, and refill the statistics on a copy (recalibrate=loader)."),
        "better": N_("Keep the refilled statistics."),
        "same": GAINS_NOTHING,
        "worse": GAINS_NOTHING,
        "unclear": N_("Give the check more batches, or larger ones."),
    }
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A note where the difference is large and batch-mates do not explain it; a warning where it changes what is decided."""
    outputs = evidence.outputs
    if (
        outputs is None
        or outputs.noise is None
        or not evidence.batch_norms
        or all(n.fresh for n in evidence.batch_norms)
    ):
        return
    limit = max(TIMES * outputs.noise, LEAST)
    refill = evidence.refill
    tried = outcome(refill) if refill is not None and refill.is_loss else None
    decides = decides_otherwise(outputs) and tried in {None, "better"}  # the experiment has the last word
    if outputs.train_eval <= limit and not decides:
        return
    share = N_("share of samples that are classified differently (largest output) in eval mode and in train mode")
    rms = N_("RMS difference of the model's outputs between train and eval mode, in their standard deviations")
    yield Finding(
        rule=RULE.name,
        severity="warning" if decides else "note",
        layers=(),
        quantity=Phrase(share if decides else rms),
        measured=outputs.changed if decides else outputs.train_eval,
        expected=outputs.unsettled if decides else limit,
        cause=Phrase(
            N_("Two halves of the batch differ by {noise} in train mode; eval mode is {gap} away. {matters}"),
            {
                "noise": f"{outputs.noise:.2g}",
                "gap": f"{outputs.train_eval:.2g}",
                "matters": _matters(evidence, outputs, decides=decides),
            },
        ),
        cure=Phrase(CURES[tried]),
        code={None: "bnviz.check(model, loader, loss=loss, recalibrate=loader)", "better": COUNT_AGAIN}.get(tried, ""),
        link=links.link("modes", topic="gap", batch_size=links.batch_size(evidence.batch_size or 32)),
        case="eval_differs",
    )


def _matters(evidence: Evidence, outputs: Outputs, *, decides: bool) -> Phrase:
    """What the difference amounts to, as far as was measured."""
    refill = evidence.refill
    if refill is not None and refill.is_loss:
        return Phrase(
            N_("With re-estimated statistics the loss in eval mode goes from {before} to {after}."),
            {"before": f"{refill.before:.3g}", "after": f"{refill.after:.3g}"},
        )
    if decides:
        return Phrase(
            N_("It matters: what train mode is sure of keeps only {probability} of its probability."),
            {"probability": f"{100 * 2**-outputs.lost:.0f} %"},
        )
    if outputs.decided:
        return Phrase(
            N_(
                "Of {count} samples {changed} are classified differently, {unsettled} because of their batch-mates "
                "alone: it hardly matters."
            ),
            {
                "count": outputs.decided,
                "changed": f"{100 * outputs.changed:.0f} %",
                "unsettled": f"{100 * outputs.unsettled:.0f} %",
            },
        )
    return Phrase(N_("Whether it matters the loss tells: hand in loss= and recalibrate=loader."))


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
    seen_by=frozenset({"check"}),
)
