"""Bounds, rows and the Markdown table."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version


@dataclass(frozen=True, slots=True)
class Bound:
    """A promise: the measured number is at most `limit` (at least, where `at_least`), in `unit`."""

    limit: float
    unit: str = "×"
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether `value` keeps the promise; NaN never does."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.limit)}{spaced(self.unit)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a `bound` it is there for information. `detail` says what the number is made of."""

    what: str
    value: float
    bound: Bound | None = None
    unit: str = "×"
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the bound, if there is one, holds."""
        return self.bound is None or self.bound.holds(self.value)

    def markdown(self) -> str:
        """The row between its pipes."""
        verdict = "" if self.bound is None else "pass" if self.passed else "**fail**"
        cells = (self.what, number(self.value) + spaced(self.unit), str(self.bound or ""), verdict, self.detail)
        return "| " + " | ".join(cells) + " |"


def heading(settings: str) -> str:
    """A line that names the machine, the date and the `settings` of the run, and the head of the Markdown table."""
    head = ("| what | measured | bound | | made of |", "|:--|--:|--:|:--|:--|")
    return "\n".join([f"{machine()}; {settings}", "", *head])


def table(rows: Sequence[Row], settings: str) -> str:
    """The Markdown table of `rows`."""
    return "\n".join([heading(settings), *(row.markdown() for row in rows)])


def machine() -> str:
    """Date, cores and the versions that the numbers depend on."""
    packages = ", ".join(f"{name} {version(name).split('+')[0]}" for name in ("streamlit", "torch", "plotly"))
    return f"{date.today():%Y-%m-%d}: {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {packages}"


def ratio(value: float, reference: float) -> float:
    """`value` in units of `reference`; NaN, which keeps no promise, where the reference is not positive."""
    return value / reference if reference > 0 else math.nan


def percentile(values: Sequence[float], share: float) -> float:
    """Smallest value that at least `share` (in (0, 1]) of `values` do not exceed (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def milliseconds(seconds: float) -> str:
    """`seconds` as a detail tells them."""
    return f"{number(1000 * seconds)} ms"


def number(value: float) -> str:
    """At most three significant digits, without an exponent."""
    if not math.isfinite(value):
        return "–"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{round(value, digits):.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spaced(unit: str) -> str:
    """`unit` as it stands behind a number."""
    return unit if unit in {"", "×"} else f" {unit}"
