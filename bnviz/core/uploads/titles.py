"""What stands above the numbers of a text file: titles, units, the table's name, properties of the measurement, what each column is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from bnviz.core.uploads.layout import width_of
from bnviz.core.uploads.notation import MISSING, Notation, is_a_date, is_nearly_a_number
from bnviz.core.uploads.upload import LeftOut
from bnviz.errors import Phrase
from bnviz.i18n import N_

Part = Literal["class", "other", ""]
"""What a file says that a column is: its class, no feature, or nothing."""

MIN_BODY: Final = 3  # rows that say what stands far from them
YEARS: Final = (1900, 2100)
HEADED: Final = re.compile(r"[^\W\d_]|[%°]")  # titles and units
CONTINUOUS: Final = frozenset({"c", "continuous", "n", "numeric"})
TYPES: Final = CONTINUOUS | {"d", "discrete", "categorical", "s", "string", "text", "t", "time"}
"""How Orange calls the types of columns, in the line below the titles."""
OTHER: Final = ("i", "ignore", "skip", "m", "meta", "w", "weight")
PARTS: Final[dict[str, Part]] = {"": "", "c": "class", "class": "class", **dict.fromkeys(OTHER, "other")}
"""What Orange's third line says of each column, or a letter before a title: `cD#iris`."""
FLAGGED: Final = re.compile(r"([cimw]?)[CDNST]?#(\S.*)")
HEADING: Final = N_("a heading or second line of titles")


@dataclass(frozen=True, slots=True)
class Head:
    """The rows above the numbers."""

    rows: int
    titles: list[str] | None
    left_out: tuple[LeftOut, ...] = ()
    parts: tuple[Part, ...] = ()
    """One for each title, or none."""


def head_of(rows: list[list[str]], ends: Sequence[int], notation: Notation) -> Head:
    """What stands above the numbers in `rows`, which end in these lines of the file."""
    if counted := _are_counts(rows, notation):
        below = head_of(rows[1:], ends[1:], notation) if counted == len(rows) - 2 else Head(0, None)
        told = _left_out(rows[:1], N_("the numbers of rows and columns"))
        return replace(below, rows=below.rows + 1, left_out=told + below.left_out)
    if stated := _by_orange(rows, notation):
        return stated
    properties = _properties(rows, ends, notation)
    named = any(any(row[1:]) for row in rows[:properties])
    told = _left_out(rows[:properties], N_("above the table") if named else HEADING)
    titled = _titled(rows[properties:], notation)
    parts: tuple[Part, ...] = ()
    if titled.titles and any(found and found[1] for found in map(FLAGGED.fullmatch, titled.titles)):
        flags = [FLAGGED.fullmatch(title) for title in titled.titles]
        parts = tuple(PARTS[found[1]] if found else "" for found in flags)
        titles = [found[2] if found else title for found, title in zip(flags, titled.titles, strict=True)]
        titled = Head(titled.rows, titles, titled.left_out)
    return Head(properties + titled.rows, titled.titles, told + titled.left_out, parts)


def _left_out(rows: Sequence[Sequence[str]], reason: str) -> tuple[LeftOut, ...]:
    told = (", ".join(filter(None, row)) for row in rows)
    return tuple(LeftOut(text, Phrase(reason)) for text in told if text)


def _titled(rows: list[list[str]], notation: Notation) -> Head:
    """The titles, if there are any, with the table's name above them, and units or more titles below."""
    before = _headings(rows, notation)
    if len(rows) > before + 1 and not any(rows[before][len(rows[before + 1]) :]):  # separators after the last title
        rows[before] = rows[before][: len(rows[before + 1])]
    if not is_header(rows[before:], notation):
        return Head(before, None, _left_out(rows[:before], HEADING))
    after = before + 1 + _second_titles(rows[before + 1 :], notation)
    # Titles are words: a line with a number above such a one is a property of the whole table.
    wordy = [row for row in rows[before:after] if all(notation.number(cell) is None for cell in row)]
    titles = max(wordy or [rows[before]], key=lambda row: len(list(filter(None, row))))
    others = [row for row in rows[:after] if row is not titles]
    joined = _joined(titles, wordy)
    told = [row for row in others if row not in wordy or not _stands_in(row, titles, joined)]
    return Head(after, joined, _left_out(told, HEADING))


def _joined(titles: list[str], wordy: Sequence[Sequence[str]]) -> list[str]:
    """`titles` of which each that is empty, beside an empty one or like another is joined with what stands in its column in other rows.

    So a workbook's merged cells and pandas' levels become titles; nothing stands above the names of rows.
    """
    levels = [row for row in wordy if len(row) == len(titles)]
    return [
        " ".join(dict.fromkeys(filter(None, (row[place] for row in levels)))) if _wants_more(titles, place) else title
        for place, title in enumerate(titles)
    ]


def _wants_more(titles: Sequence[str], place: int) -> bool:
    merged = "" in titles[place + 1 : place + 2]
    return titles.count(titles[place]) > 1 or merged if titles[place] else place > 0


def _stands_in(row: Sequence[str], titles: Sequence[str], joined: Sequence[str]) -> bool:
    """Whether all that `row` says is said by the joined titles."""
    return len(row) == len(titles) and all(not cell or joined[place] != titles[place] for place, cell in enumerate(row))


def _are_counts(rows: Sequence[Sequence[str]], notation: Notation) -> int:
    """The number in the first row, if it counts the rows or all but the titles, and the next one, if any, the columns; else 0.

    `150,4,setosa,…` stands so in scikit-learn's files, `150 4` in many others.
    """
    first, width = rows[0] if rows else [], width_of(rows)
    numbers = [notation.number(cell) for cell in first]
    titled = len(rows) > MIN_BODY and numbers[0] == len(rows) - 2 and is_header(rows[1:], notation)
    counted = len(rows) > 2 and numbers[0] == len(rows) - 1
    if not (counted or titled) or any(number is not None for number in numbers[2:]):
        return 0
    if len(first) == width:  # a row like all others, but for the names of classes
        return int(numbers[0] or 0) * (width > 2 and numbers[1] == width - 1)
    return int(numbers[0] or 0) * (len(first) == 1 or numbers[1] in {width, width - 1, width - 1 - titled})


def _by_orange(rows: Sequence[Sequence[str]], notation: Notation) -> Head | None:
    """The three lines that Orange writes above a table: titles; types, or the values that occur; what each column is."""
    if len(rows) < 2 + MIN_BODY or any(len(row) != len(rows[0]) for row in rows[:3]):
        return None
    titles, types, flags = ([*row] for row in rows[:3])
    flagged = any(flags) and all(flag.lower() in PARTS or "=" in flag for flag in flags)
    below = [[row[place] for row in rows[2 + flagged :] if place < len(row)] for place in range(len(titles))]
    known = [kind.lower() in TYPES for kind in types]
    numeric = [_is_number_column(column, notation) for column, kind in zip(below, types, strict=True) if _counts(kind)]
    listed = all(
        is_known or {*column} <= {*kind.split()} for is_known, kind, column in zip(known, types, below, strict=True)
    )
    if not (numeric and all(numeric) and any(known) and listed):
        return None
    parts = tuple(PARTS.get(flag.lower(), "") for flag in flags) if flagged else ()
    return Head(2 + flagged, titles, _left_out(rows[1 : 2 + flagged], HEADING), parts)


def _counts(kind: str) -> bool:
    return kind.lower() in CONTINUOUS


def _properties(rows: Sequence[Sequence[str]], ends: Sequence[int], notation: Notation) -> int:
    """How many rows before the titles name a property and its value, as instruments do: `Rate,100`."""
    trimmed = list(map(_without_end, rows))
    width = width_of(trimmed)
    if width < 3:
        return _properties_of_two(trimmed, ends, notation) if width == 2 else 0
    width = width_of(rows)
    pairs = 0
    while pairs < len(rows) and _is_word(rows[pairs][0], notation) and not any(rows[pairs][2:]):
        pairs += 1
    if len(rows) > pairs + 1 and is_header(rows[pairs:], notation):
        return pairs
    valued = any(_is_value(cell, notation) for row in rows[:pairs] for cell in row[1:])
    return pairs if valued and pairs < len(rows) and all(len(row) != width for row in rows[:pairs]) else 0


def _properties_of_two(rows: Sequence[Sequence[str]], ends: Sequence[int], notation: Notation) -> int:
    """The same above a table of two columns, where properties look as its rows do: these begin with numbers."""
    body = len(rows)
    while body and _is_number(rows[body - 1][0], notation):
        body -= 1
    above = rows[: max(0, body - 1)]
    worded = body and all(_is_word(cell, notation) for cell in rows[body - 1])
    if not (above and worded and len(rows) - body > 1 and all(_is_word(row[0], notation) for row in above if row)):
        return 0
    apart = [place for place in range(1, body) if ends[place] - ends[place - 1] > 1]
    last = above[apart[-1] :] if apart else above
    valued = any(_is_value(cell, notation) for row in last for cell in row[1:])
    if valued or any(row[0].endswith((":", "：")) for row in last if row):
        return len(above)
    return apart[-1] if apart else 0


def _without_end(row: Sequence[str]) -> Sequence[str]:
    """`row` up to its last filled cell."""
    return row[: max((place + 1 for place, cell in enumerate(row) if cell), default=0)]


def _is_value(cell: str, notation: Notation) -> bool:
    """Whether a cell holds what is no title."""
    return _is_number(cell, notation) or is_a_date([cell])


def _is_word(cell: str, notation: Notation) -> bool:
    return bool(cell) and not _is_number(cell, notation)


def _is_number(cell: str, notation: Notation) -> bool:
    return notation.number(cell) is not None


def _headings(rows: Sequence[Sequence[str]], notation: Notation) -> int:
    """How many rows before the titles have their first cell filled only: the table's name."""
    if not rows or len(rows[-1]) == 1:
        return 0
    for before in range(len(rows) - 2):
        if not rows[before][0] or any(rows[before][1:]):
            named = before and all(len(row) == 1 and " " in row[0] for row in rows[:before])
            return before if named or (before and is_header(rows[before:], notation)) else 0
    return 0


def _second_titles(rows: Sequence[Sequence[str]], notation: Notation) -> int:
    """How many rows below the titles hold units or titles once more: words where all that follows are numbers."""
    for after, row in enumerate(rows[:-2]):
        if any(notation.number(cell) is not None for cell in row):
            return after
        below = [[other[place] for other in rows[after + 1 :] if place < len(other)] for place in range(len(row))]
        filled = [place for place, cell in enumerate(row) if cell.lower() not in MISSING]
        again = any(row[place] in below[place] for place in filled)
        if again or not any(
            HEADED.search(row[place]) and _is_number_column(below[place], notation) for place in filled
        ):
            return after
    return max(0, len(rows) - 2)


def is_header(rows: Sequence[Sequence[str]], notation: Notation) -> bool:
    """Whether the first row holds titles."""
    first, body = rows[0] if rows else [], rows[1:]
    numbers = [notation.number(cell) for cell in first]
    words = [number is None and cell.lower() not in MISSING for cell, number in zip(first, numbers, strict=True)]
    if not body:
        return any(words)
    if len(body[0]) == len(first) + 1:  # R writes no title above the names of rows
        return not any(number is not None for number in numbers)
    for place, is_word in enumerate(words):
        below = [row[place] for row in body if place < len(row)]
        if is_word and (_is_number_column(below, notation) or _is_title_above(first[place], below)):
            return True
    if _are_numbers_above(numbers, body, notation):
        return True
    if not any(number is not None for number in numbers):  # titles above a class in words, and nothing above the others
        return any(words) and any(notation.number(cell) is not None for cell in body[0])
    untitled = not first[0] or first[0].startswith("Unnamed: 0")
    if untitled and len(first) > 1 and _is_range(first[1:], 1) and notation.number(body[0][0]) is not None:
        return True
    names = [row[0] for row in body if row]
    named = words[0] and first[0] not in names and not any(_is_number(name, notation) for name in names)
    if named and _is_range(first[1:], 3, from_one=True):
        return True  # the corner above names of rows, and columns that are numbered
    return _is_range(first, 2) and not _goes_on(first, body)


def _are_numbers_above(first: Sequence[float | None], body: Sequence[Sequence[str]], notation: Notation) -> bool:
    """Whether the numbers of the first row are titles: years or wavelengths, in equal steps and far from all that stands below."""
    places = [place for place, number in enumerate(first) if number is not None]
    titles = [number for number in first if number is not None]
    steps = np.diff(titles)
    if len(titles) < 2 or len(body) < MIN_BODY or not (steps > 0).all() or not np.allclose(steps, steps[0]):
        return False
    if len(titles) == 2 and not all(YEARS[0] <= title <= YEARS[1] for title in titles):
        return False
    for place, title in zip(places, titles, strict=True):
        found = [notation.number(row[place]) for row in body if place < len(row)]
        below = [number for number in found if number is not None]
        if not below or min(below) - np.ptp(below) <= title <= max(below) + np.ptp(below):
            return False
    return True


def _is_title_above(cell: str, below: Sequence[str]) -> bool:
    """Whether a word stands above numbers of which none is written as `float` takes it."""
    return not is_nearly_a_number([cell]) and is_nearly_a_number(
        [other for other in below if other.lower() not in MISSING]
    )


def _is_number_column(cells: Sequence[str], notation: Notation) -> bool:
    """Whether most cells are numbers: a word among them is a fault, a column of words is none."""
    numbers = sum(notation.number(cell) is not None for cell in cells)
    return 2 * numbers > len(cells)


def _is_range(cells: Sequence[str], fewest: int, *, from_one: bool = False) -> bool:
    """Whether the cells are 0, 1, 2, …: what pandas writes above columns without names; or 1, 2, 3, …."""
    starts = (0, 1) if from_one else (0,)
    return len(cells) >= fewest and any(
        all(cell == str(place) for place, cell in enumerate(cells, start)) for start in starts
    )


def _goes_on(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether 0, 1, 2, … are values after all: the next row repeats them or counts on, or nothing else occurs in a small table."""
    width = len(first)
    if list(body[0]) in ([str(place) for place in range(width, 2 * width)], list(first)):
        return True
    return width < 5 and {cell for row in body for cell in row} <= set(first)
