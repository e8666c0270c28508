"""A rule, the list of all of them, and the order in which their findings are told: causes before symptoms."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding

Source = Literal["check", "watch"]
ORDER: Final = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Rule:
    """One kind of trouble. A file in `bnviz/inspect/rules` declares one as `RULE`."""

    name: str
    """That of its file."""
    priority: int
    """Place among the findings of one severity: 0–29 what breaks results by itself, 30–59 what may, 60–79 symptoms that an
    earlier rule may explain, 80–99 housekeeping."""
    find: Callable[[Evidence], Iterator[Finding]]
    explained_by: frozenset[str] = frozenset()
    """Rules whose findings on a layer make this one's finding there superfluous."""
    grave: int | None = None
    """Place of its errors and warnings, where they are causes and its notes are not."""
    spreads: bool = False
    """Whether it changes what later layers receive in train mode, and so explains findings there too."""
    seen_by: frozenset[Source] = frozenset({"check", "watch"})
    """What can find it: a check runs the model and follows its operations, a watch sees the training and its steps."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, the first to be told first."""
    package = importlib.import_module("bnviz.inspect.rules")
    modules = (
        importlib.import_module(f"{package.__name__}.{part.name}") for part in pkgutil.iter_modules(package.__path__)
    )
    rules: list[Rule] = [module.RULE for module in modules]
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.name)))


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, errors first; what another finding on the same layers explains is left out."""
    rules = all_rules()
    found = [finding for rule in rules for finding in rule.find(evidence)]
    explained = {rule.name: rule.explained_by for rule in rules}
    places = {rule.name: rule.priority for rule in rules}
    grave = places | {rule.name: rule.grave for rule in rules if rule.grave is not None}
    after = {norm.name: place for place, norm in enumerate(evidence.norms)}
    spreading = {rule.name for rule in rules if rule.spreads}
    kept: list[Finding] = []
    for finding in found:
        causes = [other for other in found if other.rule in explained[finding.rule] and _weighs(other, finding)]
        covered = {layer for other in causes for layer in other.layers}
        begin = min(
            (after[layer] for other in causes if other.rule in spreading for layer in other.layers), default=len(after)
        )
        everywhere = any(not other.layers for other in causes)
        if not everywhere and not all(layer in covered or after.get(layer, -1) >= begin for layer in finding.layers):
            causes = []
        if not causes:
            kept.append(finding)
        elif ORDER[finding.severity] < min(ORDER[cause.severity] for cause in causes):
            # What a symptom amounts to, its cause does: nothing that a CI stops at gets lost.
            kept = [replace(part, severity=finding.severity) if part is causes[0] else part for part in kept]
    # What asks for nothing comes last: an experiment that found all in order is no trouble.
    return tuple(
        sorted(
            kept,
            key=lambda f: (ORDER[f.severity], not f.code, (places if f.severity == "note" else grave)[f.rule], f.rule),
        )
    )


def _weighs(cause: Finding, finding: Finding) -> bool:
    """A note explains notes only."""
    return cause.severity != "note" or finding.severity == "note"


def worst_first(values: Iterable[tuple[str, float]], *, smallest: bool = False) -> tuple[tuple[str, ...], float]:
    """Names ordered by their value, the largest (or `smallest`) first, and that value. There must be one."""
    ordered = sorted(values, key=lambda pair: pair[1], reverse=not smallest)
    return tuple(name for name, _ in ordered), ordered[0][1]
