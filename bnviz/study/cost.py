"""Bounded work: every run says beforehand what it will cost."""

from __future__ import annotations

from bnviz.errors import CostError


def check_cost(cost: float, budget: float, reduce: tuple[str, ...]) -> None:
    """Raise `CostError` where `cost` is over `budget` (same unit); `reduce` names the settings that lower it."""
    if cost > budget:
        raise CostError(cost / budget, reduce)
