"""Batches or calls that differ by more than chance: two populations through one batch norm, or batches sorted by class."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import BATCH_NORMS, UPDATE_BN, in_place, root
from bnviz.inspect.evidence import Array, Call, Course, Drawn, Evidence, Norm, full_batches
from bnviz.inspect.finding import Finding, Severity
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS, normal_quantile, shared_out, t_quantile, variance_ratio

# Below it a variance's own relative scatter, √(2/(n − 1)), is above 0.4 and its standard error no guide.
MIN_FOR_VARIANCE = 14
FEWEST = 3  # batches; from two one cannot tell a pair from a scatter
# The batches' means scatter with twice the variance, or more, that independent samples give: each is worth half its samples, or
# less. No theory gives this number; the excess must also be beyond chance.
DESIGN_EFFECT = 2.0
# A squared difference over a variance of n − 1 degrees of freedom has a variance of its own from 5 on (F distribution).
DEGREES = 5


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the populations' means or spreads differ by enough to matter, however far apart the running average stands."""
    shifts: dict[str, float] = {}
    several = False
    candidates = [norm for norm in evidence.batch_norms if len(evidence.calls.get(norm.name, ())) > 1]
    for norm in candidates:
        calls = [call for call in full_batches(evidence.calls[norm.name]) if call.n > 1 and not call.nonfinite]
        by_number = len({call.number for call in calls}) > 1
        if len(calls) < (2 if by_number else FEWEST):
            continue
        shift = _separation(norm, calls, len(candidates))
        if shift >= MATTERS:
            shifts[norm.name] = shift
            several |= by_number
    if shifts:
        layers, worst = worst_first(shifts.items())
        finding = _finding(evidence, layers, worst, several=several)
        yield _by_path(finding) if not several and _skips(evidence) else finding
        return
    yield from _watched(evidence)


def _skips(evidence: Evidence) -> bool:
    """Whether some batches went past a layer that others went through."""
    seen = [{call.batch for call in calls} for calls in evidence.calls.values() if calls]
    return any(batches != set.union(*seen) for batches in seen)


def _by_path(finding: Finding) -> Finding:
    """The same where the model itself makes its batches of several kinds: meant so, hence a note."""
    return replace(
        finding,
        severity="note",
        cause=Phrase(
            N_(
                "Some batches skip layers (stochastic depth): the layers after them get inputs of several kinds, and "
                "eval mode gets another kind again."
            )
        ),
        cure=Phrase(N_("Divide a branch that is kept by the chance that it is kept, so that its mean stays.")),
        code="x = x + branch(x) / keep  # in training, where the branch is not skipped",
    )


def _separation(norm: Norm, calls: list[Call], layers: int) -> float:
    """How far batches are from their average, in standard deviations between samples, less chance (RMS over batches and channels).

    Of the samples' means, or of their mean squared deviations, whichever is more; 0 where chance explains it.
    """
    limit = t_quantile(shared_out(2 * layers * len(calls) * calls[0].mean.size), sum(call.n - 1 for call in calls))
    means = np.stack([call.mean for call in calls])
    mean_errors = np.mean([call.between / call.n for call in calls], axis=0)
    variances = np.stack([call.var for call in calls])
    var_errors = np.mean([call.var_error**2 for call in calls], axis=0)
    n = float(np.mean([call.n for call in calls]))
    shift = _excess(means, mean_errors, n, limit, norm.eps)
    return shift if n < MIN_FOR_VARIANCE else max(shift, _excess(variances, var_errors, n, limit, norm.eps**2))


def _excess(values: Array, errors: Array, n: float, limit: float, least: float) -> float:
    """From (K, C) batch values and their squared standard errors (C,); `least`: scatter between samples that counts as none."""
    distances = values - values.mean(axis=0)
    if not (np.abs(distances) > limit * np.sqrt(errors + least / n)).any():
        return 0.0
    surplus = (distances**2).sum(axis=0) / (len(values) - 1) - errors
    return math.sqrt(max(float(np.mean(surplus / (n * errors + least))), 0.0))


def _watched(evidence: Evidence) -> Iterator[Finding]:
    """From a watched training: batches that its inputs show not to be drawn alike, and what successive batch means tell."""
    course = evidence.course
    if course is None or not len(course.step):
        return
    alike = course.drawn is not None and not _apart(course.drawn)
    if course.drawn is not None and not alike:
        swings = {norm.name: _swing(evidence, course, norm) for norm in evidence.batch_norms}
        apart = [(name, swing) for name, swing in swings.items() if swing >= MATTERS]
        # Where no layer was read often enough the inputs' own swing tells.
        layers, worst = worst_first(apart) if apart else ((), course.drawn.swing)
        if not apart and worst < MATTERS / 2:
            return  # samples with something in common, as the nodes of a graph have, do not move a batch by much
        finding = _finding(evidence, layers, worst, several=False)
        severity: Severity = finding.severity if apart else "warning" if worst >= MATTERS else "note"
        yield replace(finding, severity=severity)
        return
    yield from _successive(evidence, course, alike=alike)


def _swing(evidence: Evidence, course: Course, norm: Norm) -> float:
    """How far the layer's batch means are from their average, in standard deviations between samples, less chance (RMS)."""
    swing, call = float(course.swing[-1, evidence.place(norm)]), evidence.first(norm)
    share = _between(call)
    if call is None or not swing > 0 or call.n < 2 or share <= 0:
        return 0.0
    return math.sqrt(max(swing / share - course.unevenness / call.n, 0.0))


def _between(call: Call | None) -> float:
    """Share of a typical channel's variance that lies between the samples."""
    if call is None or not (live := call.var > 0).any():
        return 0.0
    return float(np.median(call.between[live] / call.var[live]))


def _apart(drawn: Drawn) -> bool:
    """Whether the inputs' batch means scatter by more than chance, and by enough; a mean over features strays no more than one."""
    limit = variance_ratio(shared_out(drawn.kinds), drawn.batches - 1, drawn.batches * (drawn.n - 1))
    return drawn.design_effect > max(limit, DESIGN_EFFECT)


def _successive(evidence: Evidence, course: Course, *, alike: bool) -> Iterator[Finding]:
    """From the differences of successive batch means beyond what n independent samples explain; `alike`: the inputs' are not."""
    shifts: dict[str, float] = {}
    in_turns = False
    late = course.step >= course.step[-1] / 4  # the first steps move the weights too far
    # A short batch is one of two in a difference, and makes it a large one: the median of the rest is this quantile of all.
    full = max(1 - 2 * course.short, 0.1)
    for place, norm in enumerate(evidence.norms):
        seen, two = course.scatter[late, place], course.scatter_two[late, place]
        pairs = np.stack([seen, two])[:, np.isfinite(seen) & np.isfinite(two)]
        seen, call = seen[np.isfinite(seen)], evidence.first(norm)
        if norm.kind != "batch" or call is None or call.n <= DEGREES or len(seen) < FEWEST:
            continue
        # In variances between samples, of which a mean of n has 1/n; a median of so many squares strays by about √(π/count).
        share, chance = _between(call), _strays(evidence, len(seen) * full) * _by_chance(call.n)
        surplus = float(np.quantile(seen, full / 2)) / share - chance if share > 0 else 0.0
        if surplus > 0 and math.sqrt(surplus) >= MATTERS:
            shifts[norm.name] = math.sqrt(surplus)
            # Drifting weights, and independent batches, are at least as far apart after two steps as after one; two kinds in
            # turns are not.
            if pairs.shape[1] >= FEWEST:
                one, after_two = np.quantile(pairs, full / 2, axis=1)
                in_turns |= bool(after_two * _strays(evidence, pairs.shape[1] * full) < one)
    if shifts:
        layers, worst = worst_first(shifts.items())
        finding = _finding(evidence, layers, worst, several=False)
        # Else weights that move fast look the same: it cannot be told apart from the buffers alone, so it is a note. Weights that
        # a large learning rate throws to and fro look like two kinds in turns, but the inputs do not.
        yield finding if in_turns and not alike else _by_weights(finding, alike=alike)


def _by_chance(n: int) -> float:
    """Mean of (difference of two batch means)²/2 over one batch's variance: F(1, n − 1)/n."""
    return (n - 1) / (n - 3) / n


def _by_weights(finding: Finding, *, alike: bool) -> Finding:
    """The same as a note about weights that move; `alike`: the inputs show no other reason."""
    return replace(
        finding,
        severity="note",
        cause=Phrase(
            N_(
                "The weights move so far in one step that the statistics of successive batches differ by more than chance; the "
                "inputs themselves do not."
            )
            if alike
            else N_(
                "Successive batches differ by more than chance: the weights move that far in one step, or the batches are not "
                "drawn alike."
            )
        ),
        cure=Phrase(N_("Let the learning rate fall towards the end, and refill the statistics after the training.")),
        code=UPDATE_BN,
        link=links.link("modes", topic="momentum_error"),
    )


def _strays(evidence: Evidence, count: float) -> float:
    """The factor by which a median of so many squares of a normal value may be off by chance, for all layers together."""
    return 1 + normal_quantile(shared_out(len(evidence.norms))) * math.sqrt(math.pi / count)


def _finding(evidence: Evidence, layers: tuple[str, ...], worst: float, *, several: bool) -> Finding:
    return Finding(
        rule=RULE.name,
        severity="error" if worst >= 2 else "warning",
        layers=layers,
        quantity=Phrase(
            N_(
                "RMS distance of a batch's statistics from their average, in standard deviations between samples, less chance"
            )
        ),
        measured=worst,
        expected=MATTERS,
        cause=Phrase(
            N_(
                "One batch norm is called several times in a pass with inputs of different kinds; its running "
                "statistics are a mixture that fits none."
            )
            if several
            else N_(
                "The batches are not drawn alike: sorted by class, or of two kinds (real and fake, labelled and "
                "unlabelled, domains, states and next states)."
            )
        ),
        cure=Phrase(
            N_("Give each kind a norm of its own, or put both kinds into one batch.")
            if several
            else N_("Shuffle, put both kinds into one batch, or give each kind statistics of its own.")
        ),
        code=_norms(evidence, layers)
        if several
        else "DataLoader(dataset, shuffle=True)  # or: model(torch.cat([real, fake])).chunk(2)",
        link=links.link("batch_size", topic="error", sampling="one_class"),
        case="small_batches",
    )


def _norms(evidence: Evidence, layers: tuple[str, ...]) -> str:
    """Code that gives each call of `layers` in a pass a norm of its own."""
    calls = {name: 1 + max(call.number for call in evidence.calls[name]) for name in layers}
    norms = [norm for norm in evidence.batch_norms if calls.get(norm.name, 1) > 1]
    name = norms[0].name.rpartition(".")[2]
    own = f"self.{name}" if name.isidentifier() else f"self[{name}]"
    return "\n".join(
        [
            *(
                in_place(
                    evidence,
                    norm.name,
                    f"torch.nn.ModuleList({_new(evidence, norm)} for _ in range({calls[norm.name]}))",
                )
                for norm in norms
            ),
            f"# and in forward, for each kind its own: {own}[0](first), {own}[1](second)",
            "# or both kinds in one batch: model(torch.cat([first, second])).chunk(2)",
        ]
    )


def _new(evidence: Evidence, norm: Norm) -> str:
    """A norm like this one; of a class that is not PyTorch's a copy."""
    kind = next((kind for kind in BATCH_NORMS if norm.type_name in {kind, f"Lazy{kind}"}), None)
    if kind is None:
        return f"__import__('copy').deepcopy({root(evidence)}.get_submodule({norm.name!r}))"
    return f"torch.nn.{kind}({norm.channels})"


RULE = Rule("two_populations", priority=34, find=find)
