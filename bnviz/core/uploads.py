"""A visitor's own table as numbers: sizes are checked before anything is unpacked, and nothing in a file is executed."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from numpy.typing import NDArray

from bnviz.errors import UploadError, shortened
from bnviz.i18n import N_

MAX_BYTES: Final = 2_000_000
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 256
MAX_MAGNITUDE: Final = 1e9  # beyond it the squares of scaled sums may leave float32
MAX_UNPACKED: Final = 16 * MAX_ROWS * MAX_COLUMNS
MIN_SIDE, MAX_SIDE, MAX_IMAGES = 8, 256, 2000
MAX_PIXELS: Final = 1_000_000  # of all images and colours together
ARRAY_NAMES: Final = ("x", "X", "data", "image", "images")
SEPARATORS: Final = (",", ";", "\t")
Shape = tuple[int, ...]


def read_upload(filename: str, content: bytes) -> NDArray[np.float32]:
    """The table in a CSV, `.npy` or `.npz` file as (N, D) float32: rows are samples, further axes are flattened.

    CSV: comma, semicolon or tab, with or without a header line. `.npz`: the array named x, X or data, else the first.
    A one-dimensional array is one column. Raises: UploadError for a file that is too large, not what its name says, not
    numeric, pickled, not finite, or has fewer than two rows.
    """
    return _checked(_read(filename, content, _check_shape))


def read_classes(filename: str, content: bytes) -> NDArray[np.float32]:
    """As `read_upload`, the last column being the class: in a CSV it may be words, which are numbered in their order from 0."""
    return _checked(_read(filename, content, _check_shape, words=True))


def read_images(filename: str, content: bytes) -> NDArray[np.float32]:
    """The images in a CSV, `.npy` or `.npz` file as (N, K, H, W) float32, K colours, the darkest value 0 and the brightest 1.

    (H, W) is one grey image, as a CSV always is, (H, W, 3) one in colour; (N, H, W) and (N, H, W, 3) are several.
    Raises: UploadError as `read_upload`, and for what is no image of 8×8 to 256×256 pixels or all of one value.
    """
    array = _read(filename, content, _check_images)
    _check_images(array.shape)
    values = _finite(array)
    if array.ndim < 4 and array.shape[-1] != 3:
        values = values[..., None]  # grey
    if values.ndim == 3:
        values = values[None]
    low, high = values.min(), values.max()
    if low == high:
        raise UploadError(N_("All pixels have one value: there is nothing to see and nothing to normalize."))
    return np.ascontiguousarray(((values - low) / (high - low)).transpose(0, 3, 1, 2), dtype=np.float32)


def _read(filename: str, content: bytes, check: Callable[[Shape, int], None], *, words: bool = False) -> NDArray[Any]:
    """The file's array; `check(shape, slack)` refuses a shape before anything of it is unpacked. `words`: see `read_classes`."""
    if len(content) > MAX_BYTES:
        raise UploadError(
            N_("The file has {size} MB; at most {limit} MB are read."),
            size=f"{len(content) / 1e6:.3g}",
            limit=f"{MAX_BYTES / 1e6:.3g}",
        )
    kind = PurePath(filename).suffix.lower()
    if kind == ".csv":
        return _read_csv(content, check, words=words)
    if kind == ".npy":
        return _read_npy(content, check)
    if kind == ".npz":
        return _read_npz(content, check)
    raise UploadError(N_("{name} is not a CSV, .npy or .npz file."), name=shortened(filename))


def _read_csv(content: bytes, check: Callable[[Shape, int], None], *, words: bool) -> NDArray[Any]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UploadError(N_("The file says it is CSV but is not text (UTF-8).")) from error
    if "\0" in text:
        raise UploadError(N_("The file says it is CSV but is not text (UTF-8)."))
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UploadError(N_("The file is empty."))
    separator = max(SEPARATORS, key=lines[0].count)
    check((len(lines), lines[0].count(separator) + 1), 1)
    titles, *following = ([cell.strip().strip('"') for cell in line.split(separator)] for line in lines[:2])
    headed = any(_number(title) is None for title in titles)
    if words and headed and following and _number(following[0][-1]) is None:  # a word that ends a line is no title then
        headed = any(_number(title) is None for title in titles[:-1])
    try:
        # The header is taken off first: pandas would make an index of columns that it does not name.
        frame = pd.read_csv(
            io.StringIO("\n".join(lines[headed:])), sep=separator, header=None, skipinitialspace=True, low_memory=False
        )
    except pd.errors.EmptyDataError as error:
        raise UploadError(N_("A batch needs at least 2 rows; the table has {rows}."), rows=0) from error
    except (ValueError, OverflowError) as error:
        raise UploadError(N_("The CSV cannot be read: {error}"), error=shortened(error, 120)) from error
    if frame.shape[1] != len(titles):
        raise UploadError(
            N_("The rows of the CSV have {columns} values, its first line has {titles}."),
            columns=frame.shape[1],
            titles=len(titles),
        )
    if words and not pd.api.types.is_numeric_dtype(frame.iloc[:, -1]) and frame.iloc[:, -1].notna().all():
        last = frame.columns[-1]
        frame[last] = np.unique(frame[last].astype(str).str.strip(), return_inverse=True)[1]
    for number, column in frame.items():
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_complex_dtype(column):
            name = titles[int(str(number))] if headed else int(str(number)) + 1
            raise UploadError(N_("Column {name} is not numeric."), name=shortened(name))
    return frame.to_numpy(dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell or "nan")
    except ValueError:
        return None


def _read_npy(content: bytes, check: Callable[[Shape, int], None]) -> NDArray[Any]:
    _check_header(content, check)
    try:
        array: NDArray[Any] = npy.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UploadError(N_("The .npy file is damaged: {error}"), error=shortened(error, 120)) from error
    return array


def _check_header(content: bytes, check: Callable[[Shape, int], None]) -> None:
    """Refuse by the first bytes alone what would be pickled, not numeric, or too large once loaded."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise ValueError(f"version {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    # NumPy tokenizes and parses the header as a Python literal; a hostile one can fail in any way.
    except Exception as error:
        raise UploadError(N_("The file is not a NumPy array (.npy).")) from error
    if dtype.hasobject:
        raise UploadError(N_("The array holds pickled Python objects, which are never loaded. Save plain numbers."))
    if dtype.kind not in "biuf":
        raise UploadError(N_("The array holds {dtype} values, not real numbers."), dtype=shortened(dtype))
    check(shape, 0)


def _read_npz(content: bytes, check: Callable[[Shape, int], None]) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            if not names:
                raise UploadError(N_("The .npz archive is empty."))
            chosen = next((names[name] for name in ARRAY_NAMES if name in names), next(iter(names.values())))
            if chosen.flag_bits & 1:
                raise UploadError(N_("The .npz archive is encrypted."))
            with archive.open(chosen) as member:
                # The size that the archive declares may be a lie: no more than this is ever unpacked.
                unpacked = member.read(MAX_UNPACKED + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, UploadError):
            raise
        raise UploadError(N_("The file is not a NumPy archive (.npz).")) from error
    if len(unpacked) > MAX_UNPACKED:
        raise UploadError(N_("The array would unpack to more than {limit} MB."), limit=f"{MAX_UNPACKED / 1e6:.3g}")
    return _read_npy(unpacked, check)


def _check_images(shape: Shape, slack: int = 0) -> None:
    """`slack`: lines that may still turn out to be a header."""
    colour = len(shape) > 2 and shape[-1] == 3
    if len(shape) not in {2, 3, 4} or (len(shape) == 4 and not colour):
        raise UploadError(
            N_("An array of shape {shape} is no image; (H, W), (H, W, 3), (N, H, W) and (N, H, W, 3) are read."),
            shape=shortened(shape),
        )
    sides = shape[: -1 if colour else None][-2:]
    count = shape[0] if len(shape) - colour == 3 else 1
    fits = all(MIN_SIDE <= side <= MAX_SIDE + slack for side in sides) and 1 <= count <= MAX_IMAGES
    if not fits or math.prod(shape) > MAX_PIXELS:
        raise UploadError(
            N_("There are {count} images of {height}×{width} pixels; read are up to {most} of {low}×{low} to {high}×{high}, "
               "together at most {pixels} values."),
            count=shortened(count), height=shortened(sides[0]), width=shortened(sides[1]), most=MAX_IMAGES, low=MIN_SIDE,
            high=MAX_SIDE, pixels=MAX_PIXELS,
        )  # fmt: skip


def _check_shape(shape: Shape, slack: int = 0) -> None:
    """`slack`: lines that may still turn out to be a header."""
    rows, columns = shape[0] if shape else 0, math.prod(shape[1:])
    if any(size < 0 for size in shape) or rows > MAX_ROWS + slack or columns > MAX_COLUMNS:
        raise UploadError(
            N_("The table has {rows} rows and {columns} columns; at most {max_rows} and {max_columns} are read."),
            rows=shortened(rows),
            columns=shortened(columns),
            max_rows=MAX_ROWS,
            max_columns=MAX_COLUMNS,
        )


def _checked(table: NDArray[Any]) -> NDArray[np.float32]:
    _check_shape(table.shape)
    rows = table.shape[0] if table.ndim else 0
    if rows < 2:
        raise UploadError(N_("A batch needs at least 2 rows; the table has {rows}."), rows=rows)
    if not table.size:
        raise UploadError(N_("The table has no columns."))
    return np.ascontiguousarray(_finite(table.reshape(rows, -1)), dtype=np.float32)


def _finite(array: NDArray[Any]) -> NDArray[np.float64]:
    """`array` as float64, once it is known that every value can be computed with."""
    with np.errstate(over="ignore"):
        values = array.astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise UploadError(
            N_(
                "{count} of {total} values are missing, NaN or infinite; a single one would spoil every batch it is in."
            ),
            count=bad,
            total=values.size,
        )
    if np.abs(values).max() > MAX_MAGNITUDE:
        raise UploadError(
            N_("The largest value is {value}; beyond {limit} float32 has no room for its square."),
            value=f"{np.abs(values).max():.3g}",
            limit=f"{MAX_MAGNITUDE:.0e}",
        )
    return values
