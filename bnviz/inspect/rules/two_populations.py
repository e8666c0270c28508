"""Batches or calls that differ by more than chance: two populations through one batch norm, or batches sorted by class."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Call, Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import output_gap
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS, normal_quantile, shared_out, t_quantile


FEWEST = 3  # batches; from two one cannot tell a pair from a scatter


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the populations' means or spreads differ by enough to matter, however far apart the running average stands."""
    shifts: dict[str, float] = {}
    several = False
    candidates = [norm for norm in evidence.batch_norms if len(evidence.calls.get(norm.name, ())) > 1]
    for norm in candidates:
        calls = [call for call in evidence.calls[norm.name] if call.n > 1 and not call.nonfinite]
        by_number = len({call.number for call in calls}) > 1
        if len(calls) < (2 if by_number else FEWEST):
            continue
        shift = _separation(norm, calls, len(candidates))
        if shift >= MATTERS:
            shifts[norm.name] = shift
            several |= by_number
    if shifts:
        layers, worst = worst_first(shifts.items())
        yield _finding(evidence, layers, worst, several=several)
        return
    yield from _watched(evidence)


def _separation(norm: Norm, calls: list[Call], layers: int) -> float:
    """RMS over calls and channels of the difference between outputs normalized with a call's own and with the average statistics,
    less chance; 0 where chance explains it."""
    means = np.stack([call.mean for call in calls])
    variances = np.stack([call.unbiased for call in calls])
    errors = np.mean([call.between / call.n for call in calls], axis=0)
    relative = np.mean([(call.var_error / np.maximum(call.var, 1e-300)) ** 2 for call in calls], axis=0)
    degrees = sum(call.n - 1 for call in calls)
    limit = t_quantile(shared_out(layers * means.size), degrees)
    centre, spread = means.mean(axis=0), variances.mean(axis=0)
    beyond = np.abs(means - centre) / np.sqrt(errors + 1e-300) > limit
    beyond |= np.abs(np.log((variances + norm.eps) / (spread + norm.eps))) / np.sqrt(relative + 1e-300) > limit
    if not beyond.any():
        return 0.0
    squared = np.stack(
        [output_gap(mean, var, centre, spread, norm.eps) for mean, var in zip(means, variances, strict=True)]
    ) - (errors / (spread + norm.eps) + relative / 4)
    return math.sqrt(max(float(squared.mean()), 0.0))


def _watched(evidence: Evidence) -> Iterator[Finding]:
    """From the batch means of a watched training: their scatter beyond what n independent samples explain."""
    course = evidence.course
    if course is None or not len(course.step):
        return
    shifts: dict[str, float] = {}
    for place, norm in enumerate(evidence.norms):
        n, count = int(course.n[-1, place]), int(course.scatter_count[-1, place])
        if norm.kind != "batch" or n < 2 or count < FEWEST:
            continue
        # n samples explain at most 1/n of the variance; the average of so many squares strays by √(2/count).
        surplus = (
            float(course.scatter[-1, place])
            - (1 + normal_quantile(shared_out(len(evidence.norms))) * math.sqrt(2 / count)) / n
        )
        if surplus > 0 and math.sqrt(surplus) >= MATTERS:
            shifts[norm.name] = math.sqrt(surplus)
    if shifts:
        layers, worst = worst_first(shifts.items())
        yield _finding(evidence, layers, worst, several=False)


def _finding(evidence: Evidence, layers: tuple[str, ...], worst: float, *, several: bool) -> Finding:
    return Finding(
        rule=RULE.name,
        severity="error" if worst >= 2 else "warning",
        layers=layers,
        quantity=Phrase(
            N_("RMS distance of a batch's statistics from their average, in standard deviations, less chance")
        ),
        measured=worst,
        expected=MATTERS,
        cause=Phrase(
            N_(
                "One batch norm is called several times in a pass with inputs of different kinds; its running statistics are a mixture that fits none."
            )
            if several
            else N_(
                "The batches are not drawn alike: sorted by class, or of two kinds (real and fake, labelled and unlabelled, domains, states and next states)."
            )
        ),
        cure=Phrase(N_("Shuffle, put both kinds into one batch, or give each kind statistics of its own.")),
        code="DataLoader(dataset, shuffle=True)  # or: model(torch.cat([real, fake])).chunk(2)",
        link=links.link("batch_size", topic="error", sampling="one_class"),
        case="small_batches",
    )


RULE = Rule("two_populations", priority=34, find=find)
