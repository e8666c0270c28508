"""Words, code and tables as a picture kind: what stands between the charts of a page where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bnviz.plot.shown import Shown

Tone = Literal["error", "warning", "info", "success"]


@dataclass(frozen=True, slots=True)
class Note:
    """A remark above the listing: `title`, and under it `text` (plain words; nothing in them is read as Markdown)."""

    tone: Tone
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Source code, and what to know about it in plain words."""

    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length by their (translated) heads."""

    columns: Mapping[str, Sequence[str | int | float]]


@dataclass(frozen=True, slots=True)
class Listing(Shown):
    """`tabs` by their titles, of which one is seen at a time; where there is one only, its title is a heading.

    `title` names the choice between tabs. `alt` says in a sentence what is listed.
    """

    name: str
    title: str
    tabs: Mapping[str, Code | Table]
    alt: str
    notes: tuple[Note, ...] = ()
