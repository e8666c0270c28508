"""Text files of numbers: encoding, separator, decimal sign, titles. What has one meaning is read, by Python's `csv` and `float`."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.encodings import Decoded, decode
from bnviz.core.uploads.formats import SPARSE_ARFF, refuse_text
from bnviz.core.uploads.layout import COMMENTS, Layout, cells_of, layout_of, rows_of, width_of, without_remarks
from bnviz.core.uploads.notation import BOOLEANS, Notation, is_a_date, is_nearly_a_number, notation_of
from bnviz.core.uploads.upload import LeftOut, listed
from bnviz.errors import Phrase, UploadError
from bnviz.i18n import N_

MIN_BODY: Final = 3  # rows that say what stands far from them
YEARS: Final = (1900, 2100)
MAX_BEFORE: Final = 1000  # lines before the table
ARFF: Final = re.compile(r"\s*@(?:relation|attribute)\b", re.IGNORECASE)
ATTRIBUTE: Final = re.compile(r"""\s*@attribute\s+('[^']*'|"[^"]*"|\S+)""", re.IGNORECASE)
HEADED: Final = re.compile(r"[^\W\d_]|[%°]")  # titles and units
PLAIN: Final = frozenset("0123456789+-.eE")  # what numbers are written with
MISSING: Final = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "?", "<na>", "nat", "\\n"})
SIGNS_FOR_MISSING: Final = frozenset(
    {"-", "--", "---", "–", "—", ".", "..", "...", "*", "无", "空", "缺失", "缺", "未知"}
)
ERRORS: Final = frozenset({"none", "nil", "missing", "unknown", "#value!", "#div/0!", "#ref!", "#num!", "#name?"})
MISSING_AMONG_NUMBERS: Final = MISSING | SIGNS_FOR_MISSING | ERRORS
"""With what may be the name of a class."""
ROW_NUMBERS: Final = frozenset(
    {"", "#", "id", "index", "idx", "no", "no.", "nr", "nr.", "number", "obs", "row", "rownames", "row_names", "rowid",
     "序号", "编号", "行号"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a text file."""

    name: str
    """Its title, made unique, or its number from 1."""
    title: str | None
    """As in the file; empty where the line of titles has nothing there, None without such a line."""
    cells: tuple[str, ...]
    """Without the space around them."""
    values: NDArray[np.float64]
    """NaN where a cell is no number."""
    booleans: bool
    """Whether a cell is True or False, which count as 1 and 0."""
    missing: NDArray[np.bool_] = field(repr=False)
    """Whether a cell is empty, or a word for that."""

    @property
    def words(self) -> NDArray[np.bool_]:
        """Whether a cell holds something that is no number."""
        return np.isnan(self.values) & ~self.missing

    @property
    def is_numeric(self) -> bool:
        """Whether it is a feature: some cells are numbers (those that are not are faults)."""
        return not np.isnan(self.values).all()

    @property
    def is_nearly_numeric(self) -> bool:
        """Whether it holds numbers, none of them written as Python's `float` takes it."""
        return not self.is_numeric and is_nearly_a_number(self._filled)

    @property
    def is_a_date(self) -> bool:
        """Whether it holds dates or times."""
        return not self.is_numeric and is_a_date(self._filled)

    @property
    def _filled(self) -> list[str]:
        return [cell for cell, missing in zip(self.cells, self.missing.tolist(), strict=True) if not missing]

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing at all."""
        return bool(self.missing.all())

    @property
    def counts_up(self) -> bool:
        """Whether each value is the one before plus 1."""
        return len(self.values) > 1 and bool((np.diff(self.values) == 1).all())

    @property
    def is_distinct(self) -> bool:
        """Whether no two cells are alike, and none is a fraction."""
        return len(set(self.cells)) == len(self.cells) and not any("." in cell or "," in cell for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text file, taken apart."""

    filename: str
    decoded: Decoded
    layout: Layout
    notation: Notation
    titled: bool
    skipped: int
    """Lines of the file before the first row."""
    remarks: tuple[int, ...]
    """Lines after these that belong to no row, counted from 1."""
    lines: tuple[int, ...]
    """Where each row ends in the file, counted from 1."""
    columns: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]
    """Lines before the table, and between its titles and its rows."""


def read_sheet(filename: str, content: bytes) -> Sheet:
    """The table in a text file.

    Raises: UploadError naming line, column and cure where there is none.
    """
    decoded = decode(content)
    if not decoded.text.strip():
        raise UploadError(N_("The file is empty."))
    refuse_text(filename, decoded.text)
    lines = list(io.StringIO(decoded.text, newline=""))
    start, separator, comments = _opening(lines)
    if all(not line.strip() for line in lines[start:]) and not comments:
        raise UploadError(N_("The file is empty."))
    titles: list[str] | None
    is_arff = bool(ARFF.match(lines[start] if start < len(lines) else ""))
    if is_arff:
        start, titles = _attributes(filename, lines, start)
        separator = "," if any("," in line for line in lines[start:]) else "\t"
    layout = layout_of(lines[start:], separator)
    rows, ends = rows_of(lines, start, layout)
    rows, ends, remarks, left_out = without_remarks(rows, ends, lines, layout)
    if not is_arff:
        titles, others = _commented_titles(comments, layout, width_of(rows))
        left_out = (*others, *left_out)
    if layout.separator == " ":
        _join_titles(rows, ends, lines)
    notation = notation_of(rows, layout.separator)
    if titles is None:
        read, titles, told = _titles(rows, notation)
        if read:
            left_out += (LeftOut(told, Phrase(N_("a heading or second line of titles"))),) if told else ()
            start, rows, ends = ends[read - 1], rows[read:], ends[read:]
            notation = notation_of(rows, layout.separator)
    _refuse_second_table(rows, ends, lines, notation)
    titles = _checked_widths(rows, ends, titles, layout.separator)
    remarks = tuple(line for line in remarks if line > start)
    return Sheet(
        filename,
        decoded,
        layout,
        notation,
        titles is not None,
        start,
        remarks,
        tuple(ends),
        _columns(rows, titles, notation),
        left_out,
    )


def _columns(rows: Sequence[Sequence[str]], titles: Sequence[str] | None, notation: Notation) -> tuple[Column, ...]:
    cells = [tuple(column) for column in zip(*rows, strict=True)]
    names = _unique(titles, len(cells))
    cells = cells or [()] * len(names)
    return tuple(
        _column(name, None if titles is None else titles[place], cells[place], notation)
        for place, name in enumerate(names)
    )


def _attributes(filename: str, lines: Sequence[str], start: int) -> tuple[int, list[str]]:
    """Of Weka's ARFF the line after `@data`, and the titles.

    Raises: UploadError where no `@data` follows, or only what is not 0 is written.
    """
    titles: list[str] = []
    for number in range(start, len(lines)):
        if lines[number].strip().lower() == "@data":
            if any(line.lstrip().startswith("{") for line in lines[number + 1 :]):
                raise SPARSE_ARFF.refusal(filename)
            return number + 1, titles
        if found := ATTRIBUTE.match(lines[number]):
            titles.append(found[1].strip("'\""))
    raise UploadError(N_("The file begins as ARFF does, and no line says @data: the rows are missing."))


def _opening(lines: Sequence[str]) -> tuple[int, str, list[tuple[int, str]]]:
    """The first line of the table, the separator if a line says it (`sep=;`, as Excel takes it), and comments `# …` with their lines.

    Raises: UploadError where no table begins in the first lines.
    """
    separator, comments, start = "", [], 0
    for start, line in enumerate(lines):
        if start == MAX_BEFORE:
            raise UploadError(
                N_("There is no table in the first {most} lines. Remove the lines before it."), most=MAX_BEFORE
            )
        said = re.fullmatch(r'"?sep=([,;\t|^~:])"?', line.strip("\r\n "), re.IGNORECASE)
        if said and not separator:
            separator = said[1]
        elif line.lstrip().startswith(COMMENTS):
            comments.append((start, line.strip().lstrip("#%/").strip(" ")))
        elif line.strip():
            return start, separator, comments
    if len(comments) > 1:  # what begins so are names of rows
        return comments[0][0], separator, []
    return len(lines) if lines else start, separator, comments


def _commented_titles(
    comments: Sequence[tuple[int, str]], layout: Layout, width: int
) -> tuple[list[str] | None, tuple[LeftOut, ...]]:
    """The titles, if the last comment is one for each column (`np.savetxt` writes them so); and the other comments."""
    titles = None
    if comments:
        last = cells_of([comments[-1][1]], layout)
        if last and width in {0, len(last[0])} and all(Notation().number(cell) is None for cell in last[0] if cell):
            titles = last[0]
    others = comments if titles is None else comments[:-1]
    reason = Phrase(N_("a comment"))
    return titles, tuple(LeftOut(comment or "#", reason) for _, comment in others)


def _refuse_second_table(
    rows: Sequence[Sequence[str]], ends: Sequence[int], lines: Sequence[str], notation: Notation
) -> None:
    """Refuse titles after an empty line, below rows of numbers.

    Raises: UploadError.
    """
    for place in range(1, len(rows) - 1):
        apart = ends[place] - ends[place - 1] > 1 and not lines[ends[place] - 2].strip(" ,;\t\r\n")
        if apart and all(notation.number(cell) is None for cell in rows[place]) and _is_header(rows[place:], notation):
            raise UploadError(
                N_("In line {line}, after an empty line, a second table begins: {cells}. Keep one table in the file."),
                line=ends[place],
                cells=listed(rows[place]),
            )


def _join_titles(rows: list[list[str]], ends: Sequence[int], lines: Sequence[str]) -> None:
    """Take the first line apart where two spaces stand, if that gives a title for each column and single spaces do not."""
    width = width_of(rows)
    apart = re.split(r"\s{2,}", lines[ends[0] - 1].strip()) if rows else []
    if rows and len(rows[0]) != width and len(apart) in {width, width - 1}:
        rows[0] = apart


def _titles(rows: list[list[str]], notation: Notation) -> tuple[int, list[str] | None, str]:
    """How many rows come before the numbers, the titles among them if there are any, and what else stands there."""
    before = _headings(rows, notation)
    if len(rows) > before + 1 and not any(rows[before][len(rows[before + 1]) :]):  # separators after the last title
        rows[before] = rows[before][: len(rows[before + 1])]
    if not _is_header(rows[before:], notation):
        return 0, None, ""
    after = before + 1 + _second_titles(rows[before + 1 :], notation)
    # Titles are words: a line with a number above such a one is a property of the whole table.
    wordy = [row for row in rows[before:after] if all(notation.number(cell) is None for cell in row)]
    titles = max(wordy or [rows[before]], key=lambda row: len(list(filter(None, row))))
    others = chain(*(row for row in rows[:after] if row is not titles))
    return after, titles, ", ".join(filter(None, others))


def _headings(rows: Sequence[Sequence[str]], notation: Notation) -> int:
    """How many rows before the titles have their first cell filled only: the table's name."""
    if not rows or len(rows[-1]) == 1:
        return 0
    for before in range(len(rows) - 2):
        if not rows[before][0] or any(rows[before][1:]):
            return before if before and _is_header(rows[before:], notation) else 0
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


def _is_header(rows: Sequence[Sequence[str]], notation: Notation) -> bool:
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


def _is_range(cells: Sequence[str], fewest: int) -> bool:
    """Whether the cells are 0, 1, 2, …: what pandas writes above columns without names."""
    return len(cells) >= fewest and all(cell == str(place) for place, cell in enumerate(cells))


def _goes_on(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether 0, 1, 2, … are values after all: the next row repeats them or counts on, or nothing else occurs in a small table."""
    width = len(first)
    if list(body[0]) in ([str(place) for place in range(width, 2 * width)], list(first)):
        return True
    return width < 5 and {cell for row in body for cell in row} <= set(first)


def _checked_widths(
    rows: Sequence[Sequence[str]], ends: Sequence[int], titles: list[str] | None, separator: str
) -> list[str] | None:
    """The titles, one for each column.

    Raises: UploadError where a row has another number of cells than most, or the titles do not fit.
    """
    if not rows:
        return titles
    width = width_of(rows)
    for row, end in zip(rows, ends, strict=True):
        if len(row) != width:
            raise UploadError(
                N_(
                    "Cells in line {line}: {cells}; in the others: {width}. Each line needs as many, and a cell with a separator in it "
                    "stands in quotation marks."
                ),
                line=end,
                cells=len(row),
                width=width,
            )
    if titles is None or len(titles) == width:
        return titles
    if len(titles) == width - 1 and not any(row[-1] for row in rows):
        return [*titles, ""]  # separators at the end of the rows only
    if len(titles) == width - 1:
        labels = _column("", None, tuple(row[0] for row in rows), Notation())
        if labels.is_distinct and (separator == " " or labels.counts_up or not labels.is_numeric):
            return ["", *titles]  # R's `write.table`
    raise UploadError(
        N_("Titles: {titles}; columns: {width}. Give each column a title, or remove the line of titles."),
        titles=len(titles),
        width=width,
    )


def _unique(titles: Sequence[str] | None, width: int) -> list[str]:
    """A name for each of `width` columns."""
    if titles is None:
        return [str(place + 1) for place in range(width)]
    seen, taken = Counter(titles), set[str]()
    names = []
    for place, title in enumerate(titles):
        name = title if title and seen[title] == 1 else f"{title} [{place + 1}]".lstrip()
        while name in taken or (name != title and name in seen):  # a title that looks like one of ours
            name += "′"
        taken.add(name)
        names.append(name)
    return names


def _column(name: str, title: str | None, cells: tuple[str, ...], notation: Notation) -> Column:
    text = "".join(cells)
    comma = notation.decimal == ","
    if not notation.thousands and PLAIN.issuperset(text.replace(",", ".") if comma else text):
        try:
            pointed = [cell.replace(",", ".") for cell in cells] if comma else cells
            values = np.array([float(cell) for cell in pointed], dtype=np.float64)
            return Column(name, title, cells, values, False, np.zeros(len(cells), dtype=np.bool_))
        except ValueError:
            pass  # some cell is empty, or "e" or "1-2"
    found = [notation.number(cell) for cell in cells]
    values = np.array([np.nan if number is None else number for number in found], dtype=np.float64)
    words = MISSING if np.isnan(values).all() else MISSING_AMONG_NUMBERS
    missing = np.array([cell.lower() in words for cell in cells], dtype=np.bool_)
    booleans = any(cell.lower() in BOOLEANS for cell in cells)
    return Column(name, title, cells, values, booleans, missing)
