"""Running statistics that are not those of the batches at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import QUANTITY, beginning, running_gap
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS

CAUSE: Final = Phrase(
    N_(
        "The running statistics belong to other weights or other data than these batches: stale buffers, "
        "another domain, or updates that did not happen."
    )
)
COMPARE: Final = Phrase(
    N_("Refill the statistics on a copy and compare (recalibrate=loader); keep them if the evaluation gains.")
)
REFILL: Final = Phrase(
    N_("Refill the statistics with the weights as they are now, or train with a momentum, which forgets.")
)
CHECK: Final = "report = bnviz.check(model, loader, loss=loss, recalibrate=loader)\n"
SET: Final = (
    "\n# or, before the training:\nfor module in model.modules():\n"
    "    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):\n        module.momentum = 0.1"
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning from half a standard deviation of the output on (beyond what chance explains), an error from a whole one."""
    candidates = [
        norm
        for norm in evidence.batch_norms
        if norm.estimates is not None and not norm.fresh and not beginning(evidence, norm)
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
    remembers = norm.momentum is None
    yield Finding(
        rule=RULE.name,
        severity="error" if worst >= 1 else "warning",
        layers=layers,
        quantity=QUANTITY,
        measured=worst,
        expected=MATTERS,
        cause=_remembering(evidence, norm) if remembers else CAUSE,
        cure=REFILL if remembers else COMPARE,
        code=("" if remembers else CHECK)
        + "torch.optim.swa_utils.update_bn(loader, model)"
        + (SET if remembers else ""),
        link=links.link(
            "modes",
            topic="gap",
            momentum=links.momentum(norm.momentum),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="eval_differs",
    )


def _remembering(evidence: Evidence, norm: Norm) -> Phrase:
    """Why a plain average is off although nothing went wrong: it forgets nothing, and the network has moved on."""
    return Phrase(
        N_(
            "momentum=None averages all {updates} batches since the beginning alike, those of the untrained network "
            "included: the average lags behind the weights (or these batches are of another kind)."
        ),
        {"updates": evidence.final_updates(norm) or 0},
    )


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
            "eval_while_training",
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
