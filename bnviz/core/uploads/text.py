"""Text files of numbers: encoding, separator, decimal sign, titles. What has one meaning is read, by Python's `csv` and `float`."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.encodings import Decoded, decode
from bnviz.core.uploads.formats import SPARSE_ARFF, WEIGHTED_ARFF, refuse_text
from bnviz.core.uploads.layout import COMMENTS, Layout, cells_of, layout_of, rows_of, width_of, without_remarks
from bnviz.core.uploads.notation import BOOLEANS, MISSING, Notation, is_a_date, is_nearly_a_number, notation_of
from bnviz.core.uploads.titles import Part, head_of, is_header
from bnviz.core.uploads.units import Unit, unit_of
from bnviz.core.uploads.upload import LeftOut, listed
from bnviz.errors import Phrase, UploadError
from bnviz.i18n import N_

MAX_BEFORE: Final = 1000  # lines before the table
ARFF: Final = re.compile(r"\s*@(?:relation|attribute)\b", re.IGNORECASE)
WEIGHT: Final = re.compile(r",\s*\{\s*[\d.eE+-]+\s*\}\s*$")
CLOUD: Final = ("VERSION", "FIELDS")  # how a point cloud of PCL begins, below its comments
DATA: Final = re.compile(r"\s*@data\s*(?:%.*)?$", re.IGNORECASE)
ATTRIBUTE: Final = re.compile(r"""\s*@attribute\s+('[^']*'|"[^"]*"|\S+)""", re.IGNORECASE)
PLAIN: Final = frozenset("0123456789+-.eE")  # what numbers are written with
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
    unit: Unit | None = None
    """What stands beside every number, in a column where something does."""
    part: Part = ""
    """What the file says that it is."""

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
    titles: list[str] | None = None
    parts: tuple[Part, ...] = ()
    declared = _declared(filename, lines, start)
    if declared:
        start, separator, titles = declared
    layout = layout_of(lines[start:], separator)
    rows, ends = rows_of(lines, start, layout)
    rows, ends, remarks, left_out = without_remarks(rows, ends, lines, layout)
    if not declared:
        titles, others = _commented_titles(comments, layout, width_of(rows))
        left_out = (*others, *left_out)
    if layout.separator == " ":
        _join_titles(rows, ends, lines)
    notation = notation_of(rows, layout.separator)
    if titles is None:
        head = head_of(rows, ends, notation)
        titles, parts, left_out = head.titles, head.parts, left_out + head.left_out
        if head.rows:
            start, rows, ends = ends[head.rows - 1], rows[head.rows :], ends[head.rows :]
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
        _columns(rows, titles, parts, notation),
        left_out,
    )


def _columns(
    rows: Sequence[Sequence[str]], titles: Sequence[str] | None, parts: Sequence[Part], notation: Notation
) -> tuple[Column, ...]:
    cells = [tuple(column) for column in zip(*rows, strict=True)]
    names = _unique(titles, len(cells))
    cells = cells or [()] * len(names)
    columns = tuple(
        _column(name, None if titles is None else titles[place], cells[place], notation)
        for place, name in enumerate(names)
    )
    return tuple(map(_as_stated, columns, parts)) if len(parts) == len(columns) else columns


def _as_stated(column: Column, part: Part) -> Column:
    return replace(column, part=part)


def _is_cloud(lines: Sequence[str], start: int) -> bool:
    """Whether a point cloud of PCL begins at a line, with one number for each of its fields in text."""
    head = [line.split() for line in lines[start : start + 20]]
    names = [words[0] for words in head if words]
    counts = next((words[1:] for words in head if words[:1] == ["COUNT"]), [])
    return (
        bool(names) and names[0] in CLOUD and ["DATA", "ascii"] in head and set(counts) <= {"1"} and "FIELDS" in names
    )


def _fields(lines: Sequence[str], start: int) -> tuple[int, list[str]]:
    """Of a point cloud the line after `DATA`, and the names of its fields."""
    titles: list[str] = []
    for number in range(start, len(lines)):
        words = lines[number].split()
        titles = words[1:] if words[:1] == ["FIELDS"] else titles
        if words[:1] == ["DATA"]:
            return number + 1, titles
    return len(lines), titles


def _attributes(filename: str, lines: Sequence[str], start: int) -> tuple[int, list[str]]:
    """Of Weka's ARFF the line after `@data`, and the titles.

    Raises: UploadError where no `@data` follows, or only what is not 0 is written.
    """
    titles: list[str] = []
    for number in range(start, len(lines)):
        if DATA.match(lines[number]):
            if any(line.lstrip().startswith("{") for line in lines[number + 1 :]):
                raise SPARSE_ARFF.refusal(filename)
            if any(WEIGHT.search(line) for line in lines[number + 1 :]):
                raise WEIGHTED_ARFF.refusal(filename)
            return number + 1, titles
        if found := ATTRIBUTE.match(lines[number]):
            titles.append(found[1].strip("'\""))
    raise UploadError(N_("The file begins as ARFF does, and no line says @data: the rows are missing."))


def _declared(filename: str, lines: Sequence[str], start: int) -> tuple[int, str, list[str]] | None:
    """First line, separator and titles of a file that declares its columns, as ARFF and point clouds do; else None."""
    if ARFF.match(lines[start] if start < len(lines) else ""):
        start, titles = _attributes(filename, lines, start)
        return start, "," if any("," in line for line in lines[start:]) else "\t", titles
    if _is_cloud(lines, start):
        start, titles = _fields(lines, start)
        return start, " ", titles
    return None


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
            comments.append((start, line.strip().lstrip("#%/!").strip(" ")))
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
    return titles, tuple(LeftOut(" ".join(comment.split()) or "#", reason) for _, comment in others)


def _refuse_second_table(
    rows: Sequence[Sequence[str]], ends: Sequence[int], lines: Sequence[str], notation: Notation
) -> None:
    """Refuse titles after an empty line, below rows of numbers.

    Raises: UploadError.
    """
    for place in range(1, len(rows) - 1):
        apart = ends[place] - ends[place - 1] > 1 and not lines[ends[place] - 2].strip(" ,;\t\r\n")
        if apart and all(notation.number(cell) is None for cell in rows[place]) and is_header(rows[place:], notation):
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
    unit = None
    if np.isnan(values).all():
        unit = unit_of([cell for cell in cells if cell.lower() not in MISSING_AMONG_NUMBERS], notation)
    if unit:
        found = [unit.number(cell) for cell in cells]
        values = np.array([np.nan if number is None else number for number in found], dtype=np.float64)
    words = MISSING if np.isnan(values).all() else MISSING_AMONG_NUMBERS
    missing = np.array([cell.lower() in words for cell in cells], dtype=np.bool_)
    booleans = any(cell.lower() in BOOLEANS for cell in cells)
    return Column(name, title, cells, values, booleans, missing, unit)
