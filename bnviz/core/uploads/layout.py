"""How cells stand in the lines of a text: separator, quotation marks, and lines that are no rows. By Python's `csv`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bnviz.core.uploads.limits import MAX_COLUMNS, MAX_ROWS
from bnviz.core.uploads.notation import Notation, is_a_date
from bnviz.core.uploads.units import WITH_UNIT
from bnviz.core.uploads.upload import LeftOut
from bnviz.errors import Phrase, UploadError, shortened
from bnviz.i18n import N_

SEPARATORS: Final = (",", ";", "\t", "|", "，", "；", "^", "~", " ")  # in this order where two fit alike
COLON: Final = ":"  # where none of these makes a table: it stands in times, too
SAMPLE_LINES: Final = 300  # on which the separator is chosen
SAMPLE_LETTERS: Final = 20_000  # of each
MAX_REMARKS: Final = 500  # lines in the table that are no rows
SPARE_COLUMNS: Final = 8  # beside the features: an index, classes, words that are left out
INVISIBLE: Final = "\ufeff\u200b\x1a"  # marks of order once more, spaces without width, and DOS's end of a file
COMMENTS: Final = ("#", "%", "//", "!")
DRAWN: Final = re.compile(r"[\s|+:=_\-]+")
RULES: Final = ("---", "===", "___", "-+-", ":-", "-:")
"""Of what lines consist that a table is drawn with, as Markdown, databases and reports do, and what each of them has."""
ROW_COUNT: Final = re.compile(r"\(?\d+ rows?\b.*|\(?共?\s*\d+ 行.*", re.IGNORECASE)  # below what a database prints
SINGLE_QUOTED: Final = re.compile(r"(?:^|[,;\t| ])'[^']*'(?=\s*(?:[,;\t|]|$))")
NOTATIONS: Final = (
    Notation("."),
    Notation(","),
    Notation(",", "."),
    Notation(".", " "),
    Notation(",", " "),
)  # with which a separator is tried


@dataclass(frozen=True, slots=True)
class Layout:
    """How cells stand in a line."""

    separator: str
    quote: str = '"'
    """Around cells with a separator in them."""
    blanks: str = ""
    """Characters that count as spaces."""

    def line(self, line: str) -> str:
        """A line as `csv` takes it."""
        for blank in self.blanks:
            line = line.replace(blank, " ")
        return line


def cells_of(lines: Sequence[str], layout: Layout) -> list[list[str]]:
    """Rows of cells of a few lines, as far as they can be parsed."""
    rows = []
    reader = csv.reader(
        map(layout.line, lines), delimiter=layout.separator, quotechar=layout.quote, skipinitialspace=True
    )
    try:
        for row in reader:
            stripped = _stripped(row, layout.separator)
            if any(stripped):
                rows.append(stripped)
    except csv.Error:
        pass
    return rows


def _stripped(row: list[str], separator: str) -> list[str]:
    row = [cell.strip() for cell in row]
    return row[:-1] if separator == " " and row and not row[-1] else row  # spaces at the end of the line


def layout_of(lines: Sequence[str], separator: str) -> Layout:
    """How cells stand in `lines`: by the separator that is said, or that makes a table of most numbers."""
    filled = (line for line in lines if line.strip() and not _is_drawn(line))
    sample = [line[:SAMPLE_LETTERS] for line in islice(filled, SAMPLE_LINES)]
    quote = '"'
    if not any('"' in line for line in sample) and any(SINGLE_QUOTED.search(line.rstrip()) for line in sample):
        quote = "'"
    invisible = "".join(letter for letter in INVISIBLE if any(letter in line for line in lines))
    if separator:
        return Layout(separator, quote, invisible)
    ways = [Layout(each, quote, invisible + _blanks(sample) * (each == " ")) for each in SEPARATORS]
    best = max(ways, key=lambda way: _fit(sample, way))
    colons = Layout(COLON, quote, invisible)
    if not _fit(sample, best)[0] and _fit(sample, colons)[0] and not is_a_date([line.strip() for line in sample]):
        return colons
    return best


def _blanks(sample: Sequence[str]) -> str:
    """What separates as spaces do: full-width spaces, and single tabs."""
    cells = [line.strip("\r\n ").split("\t") for line in sample if "\t" in line]
    filled = [sum(bool(cell.strip()) for cell in row) for row in cells]
    whole = [len(row) == count for row, count in zip(cells, filled, strict=True)]
    # Two tabs in a row enclose an empty cell, unless without it a row is as long as those that have none.
    mixed = any(whole) and (all(whole) or len({*filled}) == 1)
    return "\t" * mixed + "\u3000" * any("\u3000" in line for line in sample)


def _fit(sample: Sequence[str], layout: Layout) -> tuple[bool, bool, float, bool, bool, float, int]:
    """How good a table `layout` makes of the first lines: one of more than one column in all lines, with most numbers, is best."""
    rows = cells_of(sample, layout)
    body = rows[1:] or rows
    order = -(*SEPARATORS, COLON).index(layout.separator)
    if not body:
        return False, False, 0.0, False, False, 0.0, order
    width, alike = Counter(len(row) for row in body).most_common(1)[0]
    cells = [_without_unit(cell) for row in body for cell in row]
    numbers = max(sum(way.number(cell) is not None for cell in cells) for way in NOTATIONS) / len(cells)
    share = alike / len(body)
    titled = len(rows[0]) == width
    return width > 1 and numbers > 0, titled and share == 1, share * numbers, titled, width > 1, share, order


def _without_unit(cell: str) -> str:
    """The number in a cell that holds one and its unit; else the cell."""
    if (
        cell[:1].isdecimal() and cell[-1:].isdecimal()
    ):  # most cells of most files, each of which is looked at by every separator
        return cell
    found = WITH_UNIT.fullmatch(cell)
    return found["number"].strip() if found else cell


def rows_of(lines: Sequence[str], start: int, layout: Layout) -> tuple[list[list[str]], list[int]]:
    """The rows from line `start` on, without empty ones, and the line in which each ends, counted from 1."""
    rows, ends = [], []
    reader = csv.reader(
        map(layout.line, lines[start:]),
        delimiter=layout.separator,
        quotechar=layout.quote,
        skipinitialspace=True,
        strict=True,
    )
    before = start
    try:
        for row in reader:
            stripped = _stripped(row, layout.separator)
            before = start + reader.line_num
            if not any(stripped):
                continue
            rows.append(stripped)
            ends.append(before)
            if len(stripped) > MAX_COLUMNS + SPARE_COLUMNS or len(rows) > MAX_ROWS + MAX_REMARKS:
                _refuse_size(lines, rows)
    except csv.Error as error:
        raise UploadError(
            N_(
                "Line {line} cannot be taken apart ({error}): a quotation mark that opens a cell has to close it, and a quotation "
                "mark inside is doubled."
            ),
            line=before + 1,
            error=shortened(error),
        ) from error
    return rows, ends


def _is_drawn(line: str, *, below_titles: bool = False) -> bool:
    """Whether a line is drawn, and no row of cells with a dash in them."""
    rules = any(rule in line for rule in RULES) or (below_titles and "|" in line and "-" in line)
    return rules and bool(DRAWN.fullmatch(line))


def without_remarks(
    rows: list[list[str]], ends: list[int], lines: Sequence[str], layout: Layout
) -> tuple[list[list[str]], list[int], tuple[int, ...], tuple[LeftOut, ...]]:
    """The rows and their lines without those that are none: drawn lines, comments, and remarks below the table."""
    texts = [lines[end - 1].strip() for end in ends]
    drawn = [place for place, text in enumerate(texts) if _is_drawn(text, below_titles=place == 1)]
    width = width_of([row for place, row in enumerate(rows) if place not in drawn])
    comments = [place for place, row in enumerate(rows) if len(row) != width and texts[place].startswith(COMMENTS)]
    # What belongs to a cell of several lines is none.
    comments = [place for place in comments if cells_of([lines[ends[place] - 1]], layout) == [rows[place]]]
    apart = {*drawn, *comments}
    below: list[int] = []
    for place in (place for place in reversed(range(len(rows))) if place not in apart):
        alone = width > 1 and cells_of([lines[ends[place] - 1]], layout) == [rows[place]]
        if not alone or len(below) > MAX_REMARKS or not _is_below(rows[place], width, lines, ends[place]):
            break
        below.append(place)
    apart |= set(below)
    if len(apart) > MAX_REMARKS or len(rows) - len(apart) < 1:
        return rows, ends, (), ()
    told = [
        LeftOut(" ".join(texts[place].strip("#%/!|,;").split()), Phrase(reason))
        for places, reason in ((comments, N_("a comment")), (below[::-1], N_("below the table")))
        for place in places
    ]
    kept = [place for place in range(len(rows)) if place not in apart]
    remarks = tuple(sorted(ends[place] for place in apart))
    return [rows[place] for place in kept], [ends[place] for place in kept], remarks, tuple(told)


def width_of(rows: Sequence[Sequence[str]]) -> int:
    """The number of cells of most rows."""
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def _is_below(row: Sequence[str], width: int, lines: Sequence[str], end: int) -> bool:
    """Whether the last row is no row, but a count of them, words after an empty line, or a word without anything beside it."""
    line, before = lines[end - 1].strip(), lines[end - 2 : end - 1]
    words = ":" in row[0] or " " in row[0] or all(Notation().number(cell) is None for cell in row)
    apart = bool(before) and not before[0].strip(" ,;\t\r\n")
    if len(row) == width:  # as workbooks save a remark: with separators after it
        named = row[0] and Notation().number(row[0]) is None and not any(row[1:])
        return bool(named) and width > 1 and (apart or width > 2)
    return bool(ROW_COUNT.fullmatch(line)) or (words and apart)


def _refuse_size(lines: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    raise UploadError(
        N_("The table has {rows} rows and {columns} columns; at most {max_rows} and {max_columns} are read."),
        rows=sum(bool(line.strip()) for line in lines),
        columns=len(rows[-1]),
        max_rows=MAX_ROWS,
        max_columns=MAX_COLUMNS,
    )
