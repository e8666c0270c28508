"""A visitor's own file as numbers: what it holds is said, sizes are checked before anything is unpacked, nothing is executed.

`open_upload(filename, content, kind)` says which columns there are to choose from, its `read(choice)` gives an `Upload`.
An `Upload` has the `values`, says in `summary`, `how` and `warnings` what was read, and writes Python that reads the same file to
the same values (`reader_lines`), for the scripts that the labs hand out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath

from bnviz.core.uploads import arrays, table
from bnviz.core.uploads.arrays import Archive, read_arrays, read_directory, read_header
from bnviz.core.uploads.choice import Choice
from bnviz.core.uploads.formats import NUMPY, ZIP, refuse_foreign
from bnviz.core.uploads.limits import MAX_BYTES, Kind
from bnviz.core.uploads.table import read_table
from bnviz.core.uploads.text import Sheet, read_sheet
from bnviz.core.uploads.upload import Classes, LeftOut, Upload
from bnviz.errors import UploadError
from bnviz.i18n import N_

__all__ = ["Choice", "Classes", "Kind", "LeftOut", "Opened", "Upload", "open_upload"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of which it is known what it holds, and that can be read in several ways."""

    kind: Kind
    file: Sheet | Archive
    class_column: int | None
    """Where the class stands unless the visitor says otherwise; None where there is nothing to choose."""
    no_features: tuple[int, ...]
    """Columns that are left out unless the visitor says otherwise."""

    @property
    def choice(self) -> Choice:
        """What is read unless the visitor says otherwise."""
        return self.beside(self.class_column)

    def beside(self, class_column: int | None) -> Choice:
        """The choice that goes with a class column."""
        return Choice(class_column, tuple(place for place in self.no_features if place != class_column))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns to choose from, each once; none where there is nothing to choose."""
        if self.kind == "images":
            return ()
        return tuple(column.name for column in self.file.columns) if isinstance(self.file, Sheet) else self.file.names

    def read(self, choice: Choice | None = None) -> Upload:
        """The file as numbers. Raises: UploadError naming row, column and cure."""
        choice = choice or self.choice
        if isinstance(self.file, Sheet):
            return read_table(self.file, self.kind, choice)
        return read_arrays(self.file, self.kind, choice)


def open_upload(filename: str, content: bytes, kind: Kind = "table") -> Opened:
    """The file, looked into: text of which the separator, decimal sign, encoding and titles are found, `.npy`, or `.npz`.

    `kind`: "table", (N, D) or samples of any shape; "classes", a table with a class for each row; "images".
    Raises: UploadError for a file that is too large or not what its name says.
    """
    if len(content) > MAX_BYTES:
        raise UploadError(
            N_("The file has {size} MB; at most {limit} MB are read."),
            size=f"{len(content) / 1e6:.3g}",
            limit=f"{MAX_BYTES / 1e6:.3g}",
        )
    filename = PureWindowsPath(filename).name
    suffix = PureWindowsPath(filename).suffix.lower().removeprefix(".")
    refuse_foreign(filename, content)
    classed = kind == "classes"
    # What a file is, it says itself; the name decides where it does not.
    if content.startswith((ZIP, NUMPY)) or suffix in {"npy", "npz"}:
        zipped = content.startswith(ZIP) or (suffix == "npz" and not content.startswith(NUMPY))
        archive = (read_directory if zipped else read_header)(filename, content)
        return Opened(kind, archive, arrays.class_column_in(archive) if classed else None, ())
    sheet = read_sheet(filename, content)
    return Opened(kind, sheet, table.class_column_in(sheet) if classed else None, table.no_features(sheet, kind))
