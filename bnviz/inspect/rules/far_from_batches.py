"""Running statistics that are not those of the batches at hand."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import running_gap
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS
from bnviz.theory.running import initial_weight

START = 0.05  # weight of the initial values, as in `started_recently`


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning from half a standard deviation of the output on (beyond what chance explains), an error from a whole one."""
    candidates = [
        norm
        for norm in evidence.batch_norms
        if norm.estimates is not None and not norm.fresh and not _beginning(evidence, norm)
    ]
    gaps = {
        norm.name: gap.rms
        for norm in candidates
        if (gap := running_gap(norm, evidence.calls.get(norm.name, ()), len(candidates))) is not None
        and gap.significant
        and gap.rms >= MATTERS
    }
    if not gaps:
        return
    layers, worst = worst_first(gaps.items())
    norm = next(norm for norm in candidates if norm.name == layers[0])
    yield Finding(
        rule=RULE.name,
        severity="error" if worst >= 1 else "warning",
        layers=layers,
        quantity=Phrase(
            N_(
                "RMS difference between outputs with running and with batch statistics, in their standard deviations, less chance"
            )
        ),
        measured=worst,
        expected=MATTERS,
        cause=Phrase(
            N_(
                "The running statistics belong to other weights or other data than these batches: stale buffers, "
                "another domain, or updates that did not happen."
            )
        ),
        cure=Phrase(
            N_("Refill the statistics on a copy and compare (recalibrate=loader); keep them if the evaluation gains.")
        ),
        code="report = bnviz.check(model, loader, loss=loss, recalibrate=loader)\ntorch.optim.swa_utils.update_bn(loader, model)",
        link=links.link(
            "modes",
            topic="gap",
            momentum=links.momentum(norm.momentum),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="eval_differs",
    )


def _beginning(evidence: Evidence, norm: Norm) -> bool:
    """Whether the look of a watched training is so early that the initial values still weigh: every training begins so."""
    if evidence.course is None or norm.updates is None or norm.momentum is None or not 0 < norm.momentum <= 1:
        return False
    return float(initial_weight(norm.momentum, norm.updates)) > START


RULE = Rule(
    "far_from_batches",
    priority=62,
    find=find,
    explained_by=frozenset(
        {
            "averaged_weights",
            "batch_too_small",
            "cancellation",
            "constant_channels",
            "dead_channels",
            "invalid_statistics",
            "momentum_large",
            "momentum_zero",
            "not_finite",
            "started_recently",
            "two_populations",
            "untracked_buffers",
        }
    ),
)
