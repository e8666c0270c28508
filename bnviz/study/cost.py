"""Bounded work: every run says beforehand what it will cost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from bnviz.errors import CostError


class HeavyError(Exception):
    """What was begun inside `at_most` costs more, though not too much."""


class _Allowed(threading.local):
    """Share of a budget that may be taken in this thread."""

    share = inf


_allowed = _Allowed()


def check_cost(cost: float, budget: float, reduce: tuple[str, ...]) -> None:
    """Raise `CostError` where `cost` is over `budget` (same unit); `reduce` names the settings that lower it.

    Raises HeavyError where it is over what `at_most` lets in.
    """
    if cost > budget:
        raise CostError(cost / budget, reduce)
    if cost > _allowed.share * budget:
        raise HeavyError


@contextmanager
def at_most(share: float) -> Iterator[None]:
    """Inside, in this thread, nothing begins that costs more than `share` of its budget."""
    before, _allowed.share = _allowed.share, share
    try:
        yield
    finally:
        _allowed.share = before
