"""Classes as numbers from 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.limits import MAX_CLASSES
from bnviz.core.uploads.upload import Classes
from bnviz.errors import UploadError, shortened
from bnviz.i18n import N_

NAMES_OF_CLASSES: Final = frozenset(
    {"class", "classes", "cls", "label", "labels", "target", "targets", "y", "species", "category", "diagnosis", "group",
     "kind", "outcome", "survived", "type", "variety", "类别", "类", "标签", "目标", "分类", "种类", "品种", "结果"}
)  # fmt: skip

NEVER_QUANTITIES: Final = frozenset({"class", "classes", "cls", "label", "labels", "类别", "标签"})
EXACT: Final = 2.0**53  # beyond it float64 has no place for every whole number
MANY_NUMBERS: Final = 5  # that are classes even where there are few rows of each


def check_classes(column: str, found: Sequence[int] | Sequence[float] | Sequence[str]) -> None:
    """Refuse what are no classes: one only, too many, or fractions. `found`: the different values of the column.

    Raises: UploadError.
    """
    if not 2 <= len(found) <= MAX_CLASSES:
        raise UploadError(
            N_(
                "Different values in column {column}: {count}; there may be 2 to {most} classes. Choose another class column."
            ),
            column=shortened(column),
            count=len(found),
            most=MAX_CLASSES,
        )
    for value in found:
        if isinstance(value, float) and not value.is_integer():
            raise UploadError(
                N_("Column {column} holds {value}; classes are whole numbers or words. Choose another class column."),
                column=shortened(column),
                value=f"{value:.6g}",
            )


def _check_repeated(column: str, counts: Counter[Any]) -> None:
    """Refuse a quantity, a date or a name: values most of which stand in one row, or, of numbers, many in few rows each.

    Raises: UploadError.
    """
    words = isinstance(next(iter(counts)), str)
    alone = sum(count == 1 for count in counts.values())
    few = 2 * alone > len(counts) or (not words and len(counts) > MANY_NUMBERS and counts.total() < 4 * len(counts))
    named = NAMES_OF_CLASSES if words else NEVER_QUANTITIES
    if len(counts) > 2 and few and column.lower() not in named:
        raise UploadError(
            N_(
                "Column {column} has {count} different values in {rows} rows: that is a quantity, a date or a name, and no class. Choose "
                "another class column."
            ),
            column=shortened(column),
            count=len(counts),
            rows=counts.total(),
        )


def numbered(
    column: str, values: Sequence[int] | Sequence[float] | Sequence[str]
) -> tuple[Classes, NDArray[np.float64]]:
    """The classes in a column of numbers or words, and each row's as its number from 0.

    Raises: UploadError for what is no class.
    """
    counts: Counter[Any] = Counter(values)
    found: list[Any] = sorted(counts)
    check_classes(column, found)
    _check_repeated(column, counts)
    numbers = {value: number for number, value in enumerate(found)}
    names = tuple(f"{value:.0f}" if isinstance(value, float) else str(value) for value in found)
    codes = np.array([numbers[value] for value in values], dtype=np.float64)
    return Classes(column, names, tuple(counts[value] for value in found)), codes
