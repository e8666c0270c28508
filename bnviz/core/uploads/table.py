"""From a text file to a table: which column is the class, which is left out, and what is wrong in which cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.choice import Choice
from bnviz.core.uploads.classes import EXACT, NAMES_OF_CLASSES, numbered
from bnviz.core.uploads.encodings import NAMES
from bnviz.core.uploads.images import as_images, image_reader
from bnviz.core.uploads.layout import SEPARATORS
from bnviz.core.uploads.limits import MAX_MAGNITUDE, Kind, check_images, check_rows, check_table
from bnviz.core.uploads.notation import may_be_thousands
from bnviz.core.uploads.suspicions import of_classes, of_totals, suspicions
from bnviz.core.uploads.text import ROW_NUMBERS, Column, Sheet
from bnviz.core.uploads.upload import (
    NAME,
    PREVIEW_COLUMNS,
    PREVIEW_ROWS,
    Classes,
    LeftOut,
    Reader,
    Upload,
    finished,
    listed,
    literal,
    warnings_of,
)
from bnviz.errors import Phrase, UploadError, shortened
from bnviz.i18n import N_

SEPARATOR_NAMES: Final = {
    ",": N_("commas"),
    ";": N_("semicolons"),
    "\t": N_("tabs"),
    "|": N_("vertical bars"),
    "，": N_("full-width commas"),
    "；": N_("full-width semicolons"),
    "^": N_("circumflexes"),
    "~": N_("tildes"),
    ":": N_("colons"),
    " ": N_("spaces"),
}
ID: Final = re.compile(r"(?:^|[_\W])(?:id|ID|Id)$|[a-z](?:Id|ID)$|^(?:id|ID|Id)[_\W]")
"""Titles of columns that name the row: patient_id, PassengerId, id_code."""
SPACE: Final = Phrase(N_("a space"))
IMPORTS: Final = ("import csv", "import numpy as np")


def no_features(sheet: Sheet, kind: Kind) -> tuple[int, ...]:
    """Columns that are left out unless the visitor says otherwise: numbers and names of rows, nothing, and words."""
    places = range(len(sheet.columns))
    index = {place for place in places if len(places) > 1 and _reason(sheet, place) is not None}
    words = {place for place in places if not sheet.columns[place].is_numeric and kind != "images"}
    return tuple(sorted(index | words))


def class_column_in(sheet: Sheet) -> int | None:
    """The column of the classes, None where none can be.

    The one of which the file says so; else one that is called so, if there is only one; else one of words, the last that may be a
    class; else of numbers the last or the first.
    """
    columns = sheet.columns
    if stated := [place for place, column in enumerate(columns) if column.part == "class"]:
        return stated[-1]
    free = [place for place, column in enumerate(columns) if _reason(sheet, place) is None and not column.is_empty]
    words = [
        place
        for place in free
        if not (columns[place].is_numeric or columns[place].is_nearly_numeric or columns[place].is_a_date)
    ]
    for group in (words, free):
        titles = NAMES_OF_CLASSES if group is words or not words else NAMES_OF_CLASSES - {"y"}  # beside x
        called = [place for place in group if (columns[place].title or "").lower() in titles]
        if len(called) == 1:
            return called[0]
    likely = [*words[::-1], *free[-1:], *free[:1]]
    return next((place for place in likely if _may_be_class(columns[place])), likely[0] if likely else None)


def _may_be_class(column: Column) -> bool:
    if column.missing.any() or column.is_a_date:
        return False
    try:
        _numbered(column)
    except UploadError:
        return False
    return True


def _reason(sheet: Sheet, place: int) -> Phrase | None:
    """Why a column is left out, if it is."""
    column = sheet.columns[place]
    if column.is_empty:
        return Phrase(N_("an empty column"))
    if column.part == "other":
        return Phrase(N_("no feature, as the file says"))
    if column.title is None:
        return None
    title = column.title.lower()
    untitled = (place == 0 and not title) or title.startswith("unnamed: 0")
    if not (untitled or (title and title in ROW_NUMBERS) or ID.search(column.title)):
        return None
    if column.counts_up:
        return Phrase(N_("the index column, which counts the rows"))
    if column.is_distinct and not column.missing.any() and (untitled or column.is_numeric):
        return Phrase(N_("the index column, a number or name for each row"))
    return None


def read_table(sheet: Sheet, kind: Kind, choice: Choice) -> Upload:
    """The table, its classes, or the image that `sheet` holds.

    Raises: UploadError naming line, column and cure.
    """
    columns = sheet.columns
    class_column = choice.class_column if kind == "classes" else None
    places = [place for place in range(len(columns)) if place not in choice.left_out and place != class_column]
    check_rows(len(sheet.lines))
    if len(columns) == 1:
        _check_lone(columns[0], sheet)
    if kind == "classes" and (class_column is None or len(columns) < 2):
        raise UploadError(N_("The table has one column: training needs features and a class beside them."))
    if not places:
        raise _no_feature(sheet)
    if kind == "images":
        check_images(1, len(sheet.lines), len(places), 1)
    check_table((len(sheet.lines), len(places)))
    features = np.stack([_checked(columns[place], sheet) for place in places], axis=1)
    names = tuple(columns[place].name for place in places)
    if kind == "images":
        return _image(sheet, choice, places, features)
    classes, codes = _classes(columns[class_column], sheet) if class_column is not None else (None, None)
    shown = places[:PREVIEW_COLUMNS] + ([class_column] if class_column is not None else [])
    return Upload(
        kind,
        sheet.filename,
        finished(features if codes is None else np.column_stack([features, codes])),
        names,
        classes,
        _left_out(sheet, choice),
        _how(sheet, places),
        (
            *_suspicious(sheet, choice),
            *of_classes(classes.names if classes else ()),
            *of_totals(features, sheet.lines[-1], [column.cells[-1] for column in columns if not column.is_numeric]),
            *suspicions(features, names, codes),
            *warnings_of(features, names),
        ),
        tuple(columns[place].name for place in shown),
        tuple(
            tuple(columns[place].cells[row] for place in shown) for row in range(min(PREVIEW_ROWS, len(sheet.lines)))
        ),
        _reader(sheet, places, class_column),
    )


def _image(sheet: Sheet, choice: Choice, places: Sequence[int], features: NDArray[np.float64]) -> Upload:
    values, axes = as_images(features)
    return Upload(
        "images",
        sheet.filename,
        values,
        features=(),
        classes=None,
        left_out=_left_out(sheet, choice),
        how=(*_how(sheet, places), *axes.sentences),
        warnings=(),
        header=(),
        preview=(),
        reader=Reader(IMPORTS, _reading(sheet) + _matrix(sheet, places) + image_reader(axes)),
    )


def _check_lone(column: Column, sheet: Sheet) -> None:
    """Refuse a single column of words, or whose cells are whole lines in quotation marks.

    Raises: UploadError.
    """
    lines = any(separator in cell for cell in column.cells[:1] for separator in SEPARATORS)
    if column.is_nearly_numeric and not lines:
        raise _no_feature(sheet)
    if column.cells and (lines or not column.is_numeric):
        raise UploadError(
            N_(
                "Each line is one cell, as line {line}: {cell}. No separator was recognized: separate the columns by commas, semicolons "
                "or tabs, without quotation marks around whole lines."
            ),
            line=sheet.lines[0],
            cell=shortened(column.cells[0]),
        )


def _no_feature(sheet: Sheet) -> UploadError:
    """Why no column is left: the first that is nearly one of numbers, or none is."""
    for column in sheet.columns:
        if column.is_nearly_numeric:
            phrase = _nearly(column, sheet)
            return UploadError(phrase.template, **phrase.parameters)
    for column in sheet.columns:
        if column.words.any():
            return UploadError(
                N_(
                    "No column is left as a feature: one at least has to hold numbers. Column {column} holds words, as in line {line}: "
                    "{cell}."
                ),
                **_first(column.words, column, sheet),
            )
    return UploadError(N_("No column is left as a feature: one at least has to hold numbers."))


def _nearly(column: Column, sheet: Sheet) -> Phrase:
    return Phrase(
        N_(
            "Line {line}, column {column}: {cell} is not read as a number, so that the column is left out. Write digits and a decimal "
            "point; the same unit or currency beside every number, or none; exponents as 1e3."
        ),
        _first(column.words, column, sheet),
    )


def _suspicious(sheet: Sheet, choice: Choice) -> tuple[Phrase, ...]:
    """What the text says beside the numbers: a guessed encoding, columns that are left out and hold numbers, quantities as classes."""
    told = []
    if sheet.decoded.guessed:
        template = N_(
            "The file does not say how its letters are encoded; {encoding} is a guess. Where words look wrong, save it as UTF-8: the "
            "numbers are the same."
        )
        if sheet.decoded.rival:
            template = N_(
                "The file does not say how its letters are encoded; {encoding} is a guess from few letters, and {rival} fits nearly as "
                "well. Where words look wrong, save it as UTF-8: the numbers are the same."
            )
        encodings = {"encoding": NAMES[sheet.decoded.encoding], "rival": NAMES.get(sheet.decoded.rival, "")}
        told.append(Phrase(template, encodings))
    for place, column in enumerate(sheet.columns):
        if place in choice.left_out and column.is_nearly_numeric:
            told.append(_nearly(column, sheet))
        elif place not in choice.left_out and place != choice.class_column:
            told += _either(column, sheet)
    return tuple(told)


def _either(column: Column, sheet: Sheet) -> list[Phrase]:
    """What is told of a column in which 1,234 or 1.234 may be a number of one digit or of four."""
    notation = column.unit.notation if column.unit else sheet.notation
    cells = [cell.replace(column.unit.name, "").strip() for cell in column.cells] if column.unit else column.cells
    european = notation.decimal == "," or sheet.layout.separator == ";" or column.unit is not None
    if notation.thousands or not european or not may_be_thousands(cells, notation):
        return []
    sign = notation.decimal
    where = _first(np.array([sign in cell for cell in column.cells]), column, sheet)
    value = column.values[sheet.lines.index(where["line"])]
    template = N_(
        "Line {line}, column {column}: {cell} is read as {value}. If {sign} stands between thousands, remove it everywhere in the file."
    )
    return [Phrase(template, {**where, "value": f"{value:g}", "sign": sign})]


def _checked(column: Column, sheet: Sheet) -> NDArray[np.float64]:
    """The column's numbers.

    Raises: UploadError naming the first cell that is none.
    """
    if column.words.all():
        raise UploadError(
            N_("Column {column} holds words, as in line {line}: {cell}. A feature is a number: leave the column out."),
            **_first(column.words, column, sheet),
        )
    if column.words.any():
        faults = _first(column.words, column, sheet)
        if sheet.notation.decimal == "." and "," in str(faults["cell"]):
            raise UploadError(
                N_(
                    "Line {line}, column {column}: {cell} is not a number here. Write all numbers with one decimal sign, and no "
                    "sign between thousands."
                ),
                **faults,
            )
        raise UploadError(
            N_(
                "Line {line}, column {column}: {cell} is not a number. Correct the cell, delete the line, or leave the column out."
            ),
            **faults,
        )
    if column.missing.any():
        raise UploadError(
            N_(
                "Line {line}, column {column}: the value is missing ({count} in this column); a single one would spoil every batch "
                "it is in. Fill it in, delete the line, or leave the column out."
            ),
            **_first(column.missing, column, sheet),
        )
    large = ~(np.abs(column.values) <= MAX_MAGNITUDE)
    if large.any():
        raise UploadError(
            N_(
                "Line {line}, column {column}: {cell} is beyond {limit}, where float32 has no room for squares. Use a larger unit."
            ),
            **_first(large, column, sheet),
            limit=f"{MAX_MAGNITUDE:.0e}",
        )
    return column.values


def _first(faults: NDArray[np.bool_], column: Column, sheet: Sheet) -> dict[str, object]:
    """Where the first of `faults` (rows,) is, what stands there, and how many there are."""
    row = int(np.flatnonzero(faults)[0])
    return {
        "line": sheet.lines[row],
        "column": shortened(column.name),
        "cell": shortened(column.cells[row]),
        "count": int(faults.sum()),
    }


def _classes(column: Column, sheet: Sheet) -> tuple[Classes, NDArray[np.float64]]:
    if column.missing.any():
        raise UploadError(
            N_("Line {line}, column {column}: the class is missing ({count} in all). Fill it in, or delete the line."),
            **_first(column.missing, column, sheet),
        )
    return _numbered(column)


def _numbered(column: Column) -> tuple[Classes, NDArray[np.float64]]:
    return numbered(column.name, column.values.tolist() if _are_numbers(column) else column.cells)


def _are_numbers(column: Column) -> bool:
    """Whether the classes are numbers; True and False are words then, what has a unit, and what float64 cannot tell apart."""
    return (
        not column.booleans
        and column.unit is None
        and not column.words.any()
        and bool((np.abs(column.values) < EXACT).all())
    )


def _left_out(sheet: Sheet, choice: Choice) -> tuple[LeftOut, ...]:
    told = list(sheet.left_out)
    for place in choice.left_out:
        column = sheet.columns[place]
        reason = _reason(sheet, place)
        if reason is None and not column.is_numeric:
            reason = Phrase(N_("dates or times") if column.is_a_date else N_("words"))
        told.append(LeftOut(column.name if column.title != "" else "", reason or Phrase(N_("your choice"))))
    return tuple(told)


def _how(sheet: Sheet, places: Sequence[int]) -> tuple[Phrase, ...]:
    told = []
    if len(sheet.columns) > 1:
        told.append(
            Phrase(N_("separated by {separator}"), {"separator": Phrase(SEPARATOR_NAMES[sheet.layout.separator])})
        )
    if sheet.notation.decimal == ",":
        told.append(Phrase(N_("decimal comma")))
    if sign := sheet.notation.thousands:
        told.append(Phrase(N_("{sign} between thousands"), {"sign": SPACE if sign.isspace() else sign}))
    if encoding := NAMES[sheet.decoded.encoding]:
        told.append(Phrase(N_("encoding {encoding}"), {"encoding": encoding}))
    told.append(Phrase(N_("with titles") if sheet.titled else N_("without titles: columns are called by their number")))
    if units := [
        f"{sheet.columns[place].name} ({unit.name})" for place in places if (unit := sheet.columns[place].unit)
    ]:
        told.append(Phrase(N_("read without their unit: {names}"), {"names": listed(units)}))
    if any(column.booleans for column in sheet.columns):
        told.append(Phrase(N_("True is 1, False is 0")))
    return tuple(told)


def _reader(sheet: Sheet, places: Sequence[int], class_column: int | None) -> Reader:
    lines = _reading(sheet) + _matrix(sheet, places)
    if class_column is not None:
        column = sheet.columns[class_column]
        cell = _cell(sheet, class_column) if _are_numbers(column) else f"row[{class_column}].strip()"
        lines += (
            f"{NAME}_classes, {NAME}_labels = np.unique([{cell} for row in {NAME}_rows], return_inverse=True)\n"
            f"{NAME} = np.column_stack([{NAME}, {NAME}_labels])  # the class comes last, as a number from 0\n"
        )
    return Reader(IMPORTS, f"{lines}{NAME} = np.ascontiguousarray({NAME}, dtype=np.float32)\n")


def _reading(sheet: Sheet) -> str:
    """The lines that make rows of cells."""
    layout, line = sheet.layout, "line"
    for blank in layout.blanks:
        line += f'.replace({literal(blank)}, " ")'
    lines = f"{NAME}_file.readlines()" + (f"[{sheet.skipped}:]" if sheet.skipped else "")
    if sheet.remarks or layout.blanks:
        kept = f" if number > {sheet.skipped}" + f" and number not in {set(sheet.remarks)}" * bool(sheet.remarks)
        lines = f"[{line} for number, line in enumerate({NAME}_file, 1){kept}]"
    quote = f", quotechar={literal(layout.quote)}" * (layout.quote != '"')
    return (
        f'with open({literal(sheet.filename)}, encoding="{sheet.decoded.encoding}", newline="") as {NAME}_file:\n'
        f"    {NAME}_lines = {lines}\n"
        f"{NAME}_rows = csv.reader({NAME}_lines, delimiter={literal(layout.separator)}{quote}, skipinitialspace=True)\n"
        f"{NAME}_rows = [row for row in {NAME}_rows if any(cell.strip() for cell in row)]  # without empty lines\n"
    )


def _matrix(sheet: Sheet, places: Sequence[int]) -> str:
    """The lines that make numbers of the cells of some columns."""
    units = "".join(
        f"    row[{place}] = {unit.code(f'row[{place}]', sheet.notation)}\n"
        for place in places
        if (unit := sheet.columns[place].unit)
    )
    whole = list(places) == list(range(len(sheet.columns)))
    chosen = f"range({len(places)})" if whole else f"({', '.join(map(str, places))}{',' * (len(places) == 1)})"
    booleans = any(sheet.columns[place].booleans for place in places)
    cell = sheet.notation.code("row[i]")
    if booleans:
        cell = f'{{"true": 1, "false": 0}}.get(row[i].strip().lower(), {cell})'
    lines = f"for row in {NAME}_rows:\n{units}" * bool(units)
    return f"{lines}{NAME} = np.array([[float({cell}) for i in {chosen}] for row in {NAME}_rows])\n"


def _cell(sheet: Sheet, place: int) -> str:
    return f"float({sheet.notation.code(f'row[{place}]')})"
