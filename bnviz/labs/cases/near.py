"""Cards that are easily taken for each other: threads are as much about the one as about the other."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final

from bnviz.labs.cases.case import Case
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.titles import titles

ENOUGH: Final = 3
"""Threads about both that make two cards neighbours, at least."""


def near(case: Case) -> tuple[Case, ...]:
    """The neighbours of `case`: the one that it shares most threads with first."""
    shared = Counter(
        {other: count for (one, other), count in _shared().items() if one == case.name and count >= ENOUGH}
    )
    by_name = {other.name: other for other in CASES}
    return tuple(by_name[name] for name, _ in shared.most_common())


@cache
def _shared() -> Counter[tuple[str, str]]:
    """How many threads are about two cards, by the names of both in either order."""
    pairs = [(title.card, title.also) for title in titles() if title.also]
    return Counter([*pairs, *((also, card) for card, also in pairs)])
