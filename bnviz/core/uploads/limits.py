"""What is read at most, and the checks of shapes that come before anything is unpacked."""

from __future__ import annotations

import math
from typing import Final, Literal

from bnviz.errors import UploadError, shortened
from bnviz.i18n import N_

Kind = Literal["table", "images", "classes"]
Shape = tuple[int, ...]

MAX_BYTES: Final = 2_000_000
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 256
MAX_MAGNITUDE: Final = 1e9  # beyond it the squares of scaled sums may leave float32
MAX_UNPACKED: Final = 8 * MAX_ROWS * MAX_COLUMNS  # bytes of one array
MAX_CLASSES: Final = 20
MIN_SIDE, MAX_SIDE, MAX_IMAGES = 8, 256, 2000
MAX_PIXELS: Final = 1_000_000  # of all images and colours together


def check_table(shape: Shape) -> None:
    """Refuse a table (N, D), or samples (N, …) with D values each, that is too large.

    Raises: UploadError.
    """
    rows, columns = shape[0] if shape else 0, math.prod(shape[1:])
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise UploadError(
            N_("The table has {rows} rows and {columns} columns; at most {max_rows} and {max_columns} are read."),
            rows=shortened(rows),
            columns=shortened(columns),
            max_rows=MAX_ROWS,
            max_columns=MAX_COLUMNS,
        )


def check_rows(rows: int) -> None:
    """Refuse a table that is no batch.

    Raises: UploadError.
    """
    if rows < 2:
        raise UploadError(N_("A batch needs at least 2 rows; the table has {rows}."), rows=rows)


def check_images(count: int, height: int, width: int, channels: int) -> None:
    """Refuse `count` images of `height`×`width` pixels with `channels` values each that are too small, too large or too many.

    Raises: UploadError.
    """
    fits = all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)) and 1 <= count <= MAX_IMAGES
    if not fits or count * height * width * channels > MAX_PIXELS:
        raise UploadError(
            N_(
                "There are {count} images of {height}×{width} pixels; read are up to {most} of {low}×{low} to {high}×{high}, "
                "together at most {pixels} values."
            ),
            count=shortened(count),
            height=shortened(height),
            width=shortened(width),
            most=MAX_IMAGES,
            low=MIN_SIDE,
            high=MAX_SIDE,
            pixels=MAX_PIXELS,
        )
