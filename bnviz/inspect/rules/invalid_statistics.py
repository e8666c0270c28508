"""Running statistics that no batch could have: negative, NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN
from bnviz.inspect.evidence import Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error: every output of the channel is NaN, or none of it is right."""
    shares: dict[str, float] = {}
    for norm in evidence.batch_norms:
        share = _share(evidence, norm)
        if share > 0:
            shares[norm.name] = share
    if not shares:
        return
    layers, worst = worst_first(shares.items())
    yield Finding(
        rule=RULE.name,
        severity="error",
        layers=layers,
        quantity=Phrase(N_("share of channels with a negative, NaN or infinite running statistic")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_(
                "One batch with NaN, infinity or an overflow is enough: the running average never forgets it. Negative variances "
                "come from a wrong conversion or from momentum outside 0 to 1."
            )
        ),
        cure=Phrase(N_("Reset the statistics, refill them, and skip batches that are not finite.")),
        code="for module in model.modules():\n    if hasattr(module, 'reset_running_stats'):\n"
        "        module.reset_running_stats()\n" + UPDATE_BN,
        link=links.link("modes", topic="poison"),
        case="poisoned",
        steps=_since(evidence, layers),
    )


def _share(evidence: Evidence, norm: Norm) -> float:
    """Of the layer's channels, as they were last read: at the end, in the last row of a recording that goes on, or in the look."""
    course, wrong = evidence.course, evidence.final(norm).invalid
    if not evidence.at_end and course is not None and len(course.step):
        last = float(course.invalid[-1, evidence.place(norm)])
        if not math.isnan(last):
            return last
    return 0.0 if wrong is None or not wrong.size else float(wrong.mean())


def _since(evidence: Evidence, layers: tuple[str, ...]) -> tuple[int, int] | None:
    """The recorded steps from which on, and until which, one of `layers` was read so; None where no row tells."""
    course = evidence.course
    if course is None or not len(course.step):
        return None
    places = [evidence.place(norm) for norm in evidence.norms if norm.name in layers]
    steps = course.step[(course.invalid[:, places] > 0).any(axis=1)]
    return (int(steps[0]), int(steps[-1])) if steps.size else None


RULE = Rule("invalid_statistics", priority=1, find=find)
