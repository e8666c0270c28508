"""NumPy's files: sizes are checked before anything is unpacked, and nothing is unpickled."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bnviz.core.uploads.choice import Choice
from bnviz.core.uploads.classes import numbered
from bnviz.core.uploads.formats import refuse_archive
from bnviz.core.uploads.images import as_images, axes_of, image_reader
from bnviz.core.uploads.limits import MAX_MAGNITUDE, MAX_UNPACKED, Kind, Shape, check_rows, check_table
from bnviz.core.uploads.suspicions import suspicions
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

MAX_ARRAYS: Final = 64  # in one archive
MAX_HEADER: Final = 12_000  # bytes; NumPy itself reads headers of up to 10 000 characters
# Among what `scipy.sparse.save_npz` writes, in each of its formats.
SPARSE: Final = frozenset({"data", "format", "shape"})
CURES: Final = {
    "V": 'pd.DataFrame(array).to_csv("data.csv", index=False)',
    "c": "np.stack([array.real, array.imag], axis=-1)",
    "M": '(array - array.min()) / np.timedelta64(1, "D")',
    "m": 'array / np.timedelta64(1, "D")',
}
"""Of a kind of values, the real numbers that they hold."""
# As people call them, written small; the first that is there is taken.
SAMPLES: Final = (
    "x",
    "data",
    "features",
    "inputs",
    "samples",
    "image",
    "images",
    "x_train",
    "xtrain",
    "train_x",
    "train_data",
    "train_images",
    "x_test",
)
LABELS: Final = (
    "y",
    "target",
    "targets",
    "label",
    "labels",
    "class",
    "classes",
    "y_train",
    "ytrain",
    "train_y",
    "train_labels",
    "train_targets",
    "y_test",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An array that lies in a file, not yet unpacked."""

    name: str
    """In its archive; empty for a file that is one array."""
    shape: Shape
    dtype: np.dtype[Any]
    header: int
    """Bytes before the values."""
    declared: int
    """Bytes of header and values, as the file says."""

    @property
    def size(self) -> int:
        """Bytes that the values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def described(self) -> str:
        """Its name and shape."""
        return f"{shortened(self.name, 24)} {shortened(self.shape)}".strip()


@dataclass(frozen=True, slots=True)
class Archive:
    """One or more arrays in a file, and which of them are used."""

    filename: str
    content: bytes
    arrays: tuple[Stored, ...]
    samples: Stored
    labels: Stored | None
    """The classes, if they are an array of their own."""
    in_doubt: tuple[Stored, ...] = ()
    """Arrays that may be the classes, where there are several and none is called so."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of a table (N, D) are called, by their number from 1; nothing for other shapes."""
        shape = self.samples.shape
        return tuple(str(number + 1) for number in range(shape[1])) if len(shape) == 2 else ()


def read_header(filename: str, content: bytes) -> Archive:
    """What is in a `.npy` file. Raises: UploadError."""
    array = _header(content, "", len(content))
    return Archive(filename, content, (array,), array, None)


def read_directory(filename: str, content: bytes) -> Archive:
    """What is in a `.npz` archive. Raises: UploadError."""
    arrays = []
    with _opened(content) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        if not members:
            refuse_archive(filename, [member.filename for member in archive.infolist()])
            raise UploadError(N_("The .npz archive is empty."))
        if len(members) > MAX_ARRAYS:
            raise UploadError(
                N_("The archive holds {count} arrays; at most {most} are looked at."),
                count=len(members),
                most=MAX_ARRAYS,
            )
        for member in members:
            _check_member(member)
            with archive.open(member) as file:
                beginning = file.read(MAX_HEADER)
            arrays.append(_header(beginning, member.filename.removesuffix(".npy"), member.file_size))
    if {array.name for array in arrays} >= SPARSE:
        raise UploadError(
            N_(
                "This is a sparse matrix of SciPy. Save all its values: np.savez(file, X=matrix.toarray()), and the classes as y=y."
            )
        )
    samples = _named(arrays, SAMPLES) or next((array for array in arrays if len(array.shape) > 1), arrays[0])
    labels = _named(arrays, LABELS, but=samples)
    if labels is None:  # by its shape, if only one array may be it
        fitting = [array for array in arrays if array is not samples and array.shape == samples.shape[:1]]
        labels = fitting[0] if len(fitting) == 1 else None
        return Archive(filename, content, tuple(arrays), samples, labels, tuple(fitting[1:] and fitting))
    return Archive(filename, content, tuple(arrays), samples, labels)


def class_column_in(archive: Archive) -> int | None:
    """The column of the classes, where no array holds them: the last, or the first where only that may be one."""
    last = len(archive.names) - 1
    if archive.labels is not None or archive.in_doubt or last < 1:
        return None
    try:
        _check_type(archive.samples)
        check_table(archive.samples.shape)
        table = _checked(_unpacked(archive, archive.samples))
    except UploadError:  # it will be told
        return last
    return next((place for place in (last, 0) if _may_be_class(table[:, place])), last)


def _may_be_class(column: NDArray[np.float64]) -> bool:
    try:
        numbered("", column.tolist())
    except UploadError:
        return False
    return True


def read_arrays(archive: Archive, kind: Kind, choice: Choice) -> Upload:
    """The table, its classes, or the images in `archive`. Raises: UploadError naming place and cure."""
    archive, samples = _without_doubt(archive) if kind == "classes" else archive, archive.samples
    _check_type(samples)
    if kind == "images":
        return _images(archive)
    if not samples.shape:
        raise UploadError(
            N_("The array {name} holds a single number. Save a table (N, D): rows are samples."),
            name=samples.name or archive.filename,
        )
    check_table(samples.shape)
    rows = samples.shape[0]
    check_rows(rows)
    table = _checked(_unpacked(archive, samples)).reshape(rows, -1)
    names = [str(number + 1) for number in range(table.shape[1])]
    class_column = choice.class_column if kind == "classes" and archive.labels is None else None
    places = [place for place in range(len(names)) if place not in choice.left_out and place != class_column]
    if not places:
        raise UploadError(N_("No column is left as a feature: one at least has to hold numbers."))
    features, shown = table[:, places], places[:PREVIEW_COLUMNS]
    chosen = f"{NAME}[:, {places}]" if len(places) < len(names) else NAME
    header, preview = (
        [names[place] for place in shown],
        [[f"{value:.6g}" for value in row] for row in table[:PREVIEW_ROWS, shown]],
    )
    lines = _loading(archive) + f"{NAME} = {NAME}.reshape(len({NAME}), -1).astype(np.float64)\n"
    named = [names[place] for place in places]
    values, classes, codes = features, None, None
    if kind == "classes":
        classes, codes, reading = _classes(archive, table, class_column)
        values = np.column_stack([features, codes])
        header.append(classes.column)
        preview = [[*row, classes.names[int(code)]] for row, code in zip(preview, codes[:PREVIEW_ROWS], strict=True)]
        lines += reading
        chosen = f"np.column_stack([{chosen}, {NAME}_labels])"
    return Upload(
        kind,
        archive.filename,
        finished(values),
        tuple(names[place] for place in places),
        classes,
        tuple(LeftOut(names[place], Phrase(N_("your choice"))) for place in choice.left_out if place < len(names)),
        _how(archive, kind),
        (*suspicions(features, named, codes), *warnings_of(features, named)),
        tuple(header),
        tuple(tuple(row) for row in preview),
        Reader(("import numpy as np",), f"{lines}{NAME} = np.ascontiguousarray({chosen}, dtype=np.float32)\n"),
    )


def _without_doubt(archive: Archive) -> Archive:
    """`archive` with the array that holds the classes, if of several only one can: beside it stand numbers of rows, or quantities."""
    fitting = [array for array in archive.in_doubt if _may_be_classes(archive, array)]
    return replace(archive, labels=fitting[0], in_doubt=()) if len(fitting) == 1 else archive


def _may_be_classes(archive: Archive, array: Stored) -> bool:
    try:
        _check_type(array, words=True)
        numbered(array.name, _unpacked(archive, array).tolist())
    except UploadError:
        return False
    return True


def _images(archive: Archive) -> Upload:
    axes_of(archive.samples.shape)
    values, axes = as_images(_checked(_unpacked(archive, archive.samples)))
    lines = f"{_loading(archive)}{NAME} = {NAME}.astype(np.float64)\n{image_reader(axes)}"
    return Upload(
        "images",
        archive.filename,
        values,
        features=(),
        classes=None,
        left_out=(),
        how=(*_how(archive, "images"), *axes.sentences),
        warnings=(),
        header=(),
        preview=(),
        reader=Reader(("import numpy as np",), lines),
    )


def _classes(
    archive: Archive, table: NDArray[np.float64], class_column: int | None
) -> tuple[Classes, NDArray[np.float64], str]:
    """The classes, each row's number, and the lines that make NAME_labels."""
    labels = archive.labels
    if labels is None and class_column is None:
        if archive.in_doubt:
            raise UploadError(
                N_("The classes may be in several arrays: {names}. Call one of them y: np.savez(file, X=X, y=y)."),
                names=listed([array.described for array in archive.in_doubt]),
            )
        raise UploadError(
            N_(
                "There are no classes: save an array y of (N,) beside X of (N, …), np.savez(file, X=X, y=y), or a table (N, D) with "
                "a column for the class."
            )
        )
    if labels is None:
        assert class_column is not None
        found, codes = numbered(str(class_column + 1), table[:, class_column].tolist())
        return found, codes, f"{NAME}_labels = np.unique({NAME}[:, {class_column}], return_inverse=True)[1]\n"
    rows = len(table)
    if len(labels.shape) != 2 or labels.shape[0] != rows:
        _check_one_each(archive, labels, rows)
    _check_type(labels, words=True)
    array = _unpacked(archive, labels)
    loaded = f"np.load({literal(archive.filename)})[{literal(labels.name)}]"
    if array.ndim == 2 and 1 not in array.shape:
        if not (array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
            _check_one_each(archive, labels, rows)
        array, loaded = array.argmax(axis=1), f"{loaded}.argmax(axis=1)"  # one-hot
    array, loaded = array.ravel(), f"{loaded}.ravel()"
    if array.dtype.kind in "US":
        words = [word.decode(errors="backslashreplace") if isinstance(word, bytes) else word for word in array.tolist()]
        found, codes = numbered(labels.name, words)
    elif array.dtype.kind in "iu":
        found, codes = numbered(labels.name, array.tolist())  # float64 cannot tell all of them apart
    else:
        found, codes = numbered(labels.name, _checked(array).tolist())
    return found, codes, f"{NAME}_labels = np.unique({loaded}, return_inverse=True)[1]\n"


def _check_one_each(archive: Archive, labels: Stored, rows: int) -> None:
    """Refuse classes that are not one for each row.

    Raises: UploadError.
    """
    if labels.shape in {(rows,), (rows, 1), (1, rows)}:
        return
    described = {"samples": archive.samples.described, "labels": labels.described}
    if len(archive.samples.shape) == 2 and labels.shape[:1] == archive.samples.shape[1:]:
        raise UploadError(
            N_("{samples} and {labels} do not fit: rows are samples. Save the array turned round, X=X.T."), **described
        )
    raise UploadError(
        N_(
            "{samples} and {labels} do not fit: the classes are one number or word for each row, as (N,), or one-hot rows of 0 and 1."
        ),
        **described,
    )


def _how(archive: Archive, kind: Kind) -> tuple[Phrase, ...]:
    samples = archive.samples
    if not samples.name:
        told = [Phrase(N_("array {used}"), {"used": samples.described})]
    else:
        used = [samples] + ([archive.labels] if kind == "classes" and archive.labels else [])
        told = [Phrase(N_("arrays used: {used}"), {"used": listed([array.described for array in used])})]
        others = [array.described for array in archive.arrays if array not in used]
        told += [Phrase(N_("not used: {others}"), {"others": listed(others)})] if others else []
    if kind != "images" and len(samples.shape) > 2:
        told.append(Phrase(N_("the values of a sample make one row")))
    return tuple(told)


def _loading(archive: Archive) -> str:
    name = archive.samples.name
    chosen = f"[{literal(name)}]" if name else ""
    return f"{NAME} = np.load({literal(archive.filename)}){chosen}\n"


def _named(arrays: Sequence[Stored], names: Sequence[str], but: Stored | None = None) -> Stored | None:
    called = {array.name.lower(): array for array in reversed(arrays) if array is not but}
    return next((called[name] for name in names if name in called), None)


def _header(content: bytes, name: str, declared: int) -> Stored:
    """What the first bytes say of an array."""
    no_array = UploadError(
        N_("The file is not a NumPy array (.npy). A table in text is read when the file is called .csv.")
    )
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        if version not in {(1, 0), (2, 0), (3, 0)}:
            raise ValueError(f"version {version}")
        # Version 3.0 differs from 2.0 in the letters of field names only, and arrays with fields are refused.
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    # NumPy tokenizes and parses the header as a Python literal; a hostile one can fail in any way.
    except Exception as error:
        raise no_array from error
    # True and False are integers to Python.
    if any(type(size) is not int or not 0 <= size < 2**63 for size in shape):
        raise no_array
    return Stored(name, shape, dtype, stream.tell(), declared)


def _check_type(array: Stored, *, words: bool = False) -> None:
    """Refuse what is pickled, no real numbers (nor, where they may be, words), or too large once unpacked."""
    if array.dtype.hasobject:
        raise UploadError(
            N_(
                "The array {name} holds pickled Python objects, which are never loaded. Save plain numbers or words: {code}."
            ),
            name=array.described,
            code=_cure_of_objects(array, words=words),
        )
    if array.dtype.kind not in ("biufUS" if words else "biuf"):
        raise UploadError(
            N_("The array {name} holds {dtype} values, not real numbers. Save {code}."),
            name=array.described,
            dtype=shortened(array.dtype),
            code=CURES.get(array.dtype.kind, "array.astype(float)"),
        )
    size = max(array.size, array.declared)
    if size > MAX_UNPACKED + MAX_HEADER:
        raise UploadError(
            N_("The array would unpack to {size} MB; at most {limit} MB are read."),
            size=f"{min(size, 10**15) / 1e6:.3g}",
            limit=f"{MAX_UNPACKED / 1e6:.3g}",
        )


def _cure_of_objects(array: Stored, *, words: bool) -> str:
    """Python that makes of an array of objects what can be read."""
    if array.dtype.names:
        return CURES["V"]
    if not array.shape:  # a dictionary, as `np.save` takes it
        return 'np.savez("data.npz", **array.item())'
    return "array.astype(str)" if words else "array.astype(float)"


def _unpacked(archive: Archive, array: Stored) -> NDArray[Any]:
    """The array, of which the size is known to be bearable."""
    wanted = array.header + array.size
    if not array.name:
        content = archive.content
    else:
        with _opened(archive.content) as opened, opened.open(f"{array.name}.npy") as file:
            content = file.read(wanted)  # never more than the header of the array says, whatever the archive says
    try:
        read: NDArray[Any] = npy.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UploadError(N_("The .npy file is damaged: {error}"), error=shortened(error, 120)) from error
    if (read.shape, read.dtype) != (array.shape, array.dtype):  # an archive may hold two arrays of one name
        raise UploadError(
            N_("The .npz archive holds more than one array {name}. Save each under a name of its own."),
            name=shortened(array.name),
        )
    return read


@contextmanager
def _opened(content: bytes) -> Iterator[zipfile.ZipFile]:
    """An archive; whatever is wrong with it is told in one sentence."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive
    except UploadError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        KeyError,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise UploadError(N_("The file is not a NumPy archive (.npz).")) from error


def _check_member(member: zipfile.ZipInfo) -> None:
    """Refuse what is encrypted, or packed in a way of which Python does not bound the output."""
    if member.flag_bits & 1:
        raise UploadError(N_("The .npz archive is encrypted."))
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise UploadError(
            N_("The .npz archive is packed in an unusual way. Save it with np.savez or np.savez_compressed.")
        )


def _checked(array: NDArray[Any]) -> NDArray[np.float64]:
    """`array` as float64, once it is known that every value can be computed with."""
    with np.errstate(over="ignore"):
        values = array.astype(np.float64)
    faults = ~np.isfinite(values)
    if faults.any():
        raise UploadError(
            N_(
                "{count} of {total} values are missing, NaN or infinite, the first at {place}; a single one would spoil every batch "
                "it is in. Replace them, or delete their rows."
            ),
            count=int(faults.sum()),
            total=values.size,
            place=_place(faults),
        )
    faults = np.abs(values) > MAX_MAGNITUDE
    if faults.any():
        raise UploadError(
            N_(
                "The value at {place} is {value}, beyond {limit}, where float32 has no room for squares. Use a larger unit."
            ),
            place=_place(faults),
            value=f"{values[faults][0]:.3g}",
            limit=f"{MAX_MAGNITUDE:.0e}",
        )
    return values


def _place(faults: NDArray[np.bool_]) -> str:
    """The index of the first fault, as it is written in Python."""
    return "[" + ", ".join(str(int(place)) for place in np.argwhere(faults)[0]) + "]"
