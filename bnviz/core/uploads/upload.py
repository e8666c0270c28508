"""What was read from a visitor's file: the numbers, what they are called, how they were found, and Python that reads them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.limits import Kind
from bnviz.errors import Phrase, shortened
from bnviz.i18n import N_

MAX_NAMES: Final = 6  # that a sentence lists
NAME_LETTERS: Final = 24
PREVIEW_ROWS: Final = 5
PREVIEW_COLUMNS: Final = 8  # beside the class
NAME: Final = "{name}"


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a table; their position is the number that stands for them in the last column of `Upload.values`."""

    column: str
    """What the column or array of the classes is called in the file."""
    names: tuple[str, ...]
    """As they stand in the file, in the order of their numbers: numbers by size, words by alphabet."""
    counts: tuple[int, ...]
    """Rows of each class."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that stands in the file and is not among the values."""

    name: str
    """The column's title, or the line, as it stands in the file; empty where there is no title."""
    reason: Phrase


@dataclass(frozen=True, slots=True)
class Reader:
    """Python source that reads the file as it was read here."""

    imports: tuple[str, ...]
    """The import lines that `lines` needs."""
    lines: str
    """Whole lines, in which NAME stands for the array's name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A visitor's file, read."""

    kind: Kind
    filename: str
    """Without folders."""
    values: NDArray[np.float32]
    """Read-only. "table": (N, D). "classes": (N, D+1), the last column being the number of the class, 0 to K−1.
    "images": (N, C, H, W), the darkest value of all 0 and the brightest 1."""
    features: tuple[str, ...]
    """The names of the D columns: their titles, or their numbers from 1 where the file has no titles. Images have none."""
    classes: Classes | None
    """None unless `kind` is "classes"."""
    left_out: tuple[LeftOut, ...]
    how: tuple[Phrase, ...]
    """How the file was read: separator, decimal sign, encoding, titles; names and shapes of arrays; order of the axes."""
    warnings: tuple[Phrase, ...]
    """What is lost or suspicious in these values."""
    header: tuple[str, ...]
    """Above the columns of `preview`."""
    preview: tuple[tuple[str, ...], ...]
    """The first rows of `values` as they stand in the file; empty for images."""
    reader: Reader

    @property
    def rows(self) -> int:
        """Samples, or images."""
        return len(self.values)

    @property
    def reader_imports(self) -> tuple[str, ...]:
        """The import lines that `reader_lines` needs: NumPy's, and for text `csv`."""
        return self.reader.imports

    def reader_lines(self, name: str) -> str:
        """Python source, ending in a line break, that makes `name` equal to `values`.

        It reads the file of this name in the script's own folder, uses `csv` and `np` (see `reader_imports`), and names of its own
        that begin with `name`.
        """
        return self.reader.lines.replace(NAME, name)

    def summary(self) -> tuple[Phrase, ...]:
        """What was read, in clauses: rows; features; classes; what was left out."""
        if self.kind == "images":
            count, channels, height, width = self.values.shape
            template = (
                N_("one image of {height}×{width} pixels")
                if count == 1
                else N_("{count} images of {height}×{width} pixels")
            )
            colours = Phrase(N_("in colour") if channels == 3 else N_("grey"))
            told = [Phrase(template, {"count": count, "height": height, "width": width}), colours]
        else:
            template = N_("one feature: {names}") if len(self.features) == 1 else N_("{count} features: {names}")
            told = [
                Phrase(N_("{rows} rows"), {"rows": self.rows}),
                Phrase(template, {"count": len(self.features), "names": listed(self.features)}),
            ]
        if self.classes is not None:
            members = [
                f"{_cut(name)} {count}" for name, count in zip(self.classes.names, self.classes.counts, strict=True)
            ]
            told.append(
                Phrase(
                    N_("class column {column}: {members}"),
                    {"column": _cut(self.classes.column), "members": listed(members)},
                )
            )
        return (*told, *_left_out(self.left_out))


def _left_out(left_out: Sequence[LeftOut]) -> list[Phrase]:
    """One clause for each reason, with all that it left out."""
    names: dict[str, list[str]] = {}
    reasons = {str(part.reason): part.reason for part in left_out}
    for part in left_out:
        names.setdefault(str(part.reason), []).extend([part.name] if part.name else [])
    return [
        Phrase(N_("left out: {names} ({reason})"), {"names": listed(names[text]), "reason": reason})
        if names[text]
        else Phrase(N_("left out: {reason}"), {"reason": reason})
        for text, reason in reasons.items()
    ]


def literal(text: str) -> str:
    """`text` as a Python string in double quotes where it can be, in which NAME cannot occur."""
    quoted = repr(text)
    if quoted[0] == "'" and '"' not in quoted:
        quoted = f'"{quoted[1:-1]}"'
    return quoted.replace("{", "\\x7b")


def listed(names: Sequence[str]) -> tuple[str, ...]:
    """`names` to be listed in a phrase, of many the first."""
    told = tuple(_cut(name) for name in names[:MAX_NAMES])
    return (*told, f"… ({len(names)})") if len(names) > MAX_NAMES else told


def _cut(name: str) -> str:
    return shortened(name, NAME_LETTERS)


def finished(values: NDArray[Any]) -> NDArray[np.float32]:
    """`values` as read-only float32 in C order."""
    array = np.array(values, dtype=np.float32, order="C")
    array.setflags(write=False)
    return array


def warnings_of(columns: NDArray[np.float64], names: Sequence[str]) -> tuple[Phrase, ...]:
    """What float32, in which the labs compute, makes of the `columns` (N, D): what is constant, and what loses its differences.

    Near a value of 10^8 float32 has steps of 8. A spread of less than a hundred steps comes out of the batch statistics with an
    error of a percent or more.
    """
    spread = columns.max(axis=0) - columns.min(axis=0)
    steps = np.spacing(np.abs(columns).max(axis=0).astype(np.float32)).astype(np.float64)
    told = []
    constant = np.flatnonzero(spread == 0)
    if len(constant):
        told.append(
            Phrase(
                N_("The same value in every row: {names}. The variance is 0, and nothing can be learned from it."),
                {"names": listed([names[column] for column in constant.tolist()])},
            )
        )
    tiny = (spread > 0) & (spread**2 < float(np.finfo(np.float32).tiny))
    if tiny.any():
        template = N_(
            "The values differ by less than 1e-19: {names}. Their variance is below the smallest number of float32, in which networks "
            "compute. Use a smaller unit."
        )
        told.append(Phrase(template, {"names": listed([names[column] for column in np.flatnonzero(tiny).tolist()])}))
    for column in np.flatnonzero((spread > 0) & ~tiny & (spread < 100 * steps))[:MAX_NAMES].tolist():
        told.append(
            Phrase(
                N_(
                    "Column {name}: the values differ by {spread} around {value}, where float32, in which networks compute, "
                    "has steps of {step}. The difference is lost, wholly or in part: subtract {value} before you save the file."
                ),
                {
                    "name": _cut(names[column]),
                    "spread": f"{spread[column]:.3g}",
                    "value": f"{np.rint(columns[:, column].mean()):.10g}"
                    if np.abs(columns[:, column]).max() > 1
                    else f"{columns[:, column].mean():.6g}",
                    "step": f"{steps[column]:.2g}",
                },
            )
        )
    return tuple(told)
