"""What in a table is probably not what it seems: numbers of rows, words for "missing", and features that are the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.upload import listed
from bnviz.errors import Phrase, shortened
from bnviz.i18n import N_

MIN_SUMMED: Final = 3  # rows of which the last may be the sum of the others
TOTALS: Final = frozenset(
    {"total", "totals", "grand total", "sum", "mean", "average", "avg", "median", "std", "sd"}
    | {"summe", "gesamt", "mittelwert", "durchschnitt", "insgesamt"}
    | {"somme", "total général", "moyenne", "ensemble"}
    | {"suma", "promedio", "media", "soma", "média", "totale"}
    | {"合计", "总计", "总和", "小计", "平均", "平均值", "均值"}
)
FEWEST_ROWS: Final = 8  # in which different whole numbers say something
APART: Final = 50  # on average between the numbers of rows
ABSENT: Final = np.array([sign * (10.0**digits - 1) for digits in range(2, 7) for sign in (1, -1)])
"""±99 to ±999999: what is written where a value is missing."""
FAR: Final = 3.0  # times the range of all other values
MANY: Final = 10  # classes in numbers; digits have as many


def suspicions(
    features: NDArray[np.float64], names: Sequence[str], codes: NDArray[np.float64] | None
) -> tuple[Phrase, ...]:
    """Warnings about the columns of `features` (N, D), where `codes` (N,) numbers the classes from 0, if there are any."""
    told = _absent(features, names)
    if codes is not None or len(features) >= FEWEST_ROWS:
        told = [*_counting(features, names), *told]
    if codes is not None:
        told += _given_away(features, names, codes)
    return tuple(told)


def of_classes(names: Sequence[str]) -> list[Phrase]:
    """Classes that are written in two ways."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault("".join(name.split()).casefold(), []).append(name)
    template = N_(
        "Classes that differ in capital letters or spaces only: {names}. If they are one, write them in one way."
    )
    return [Phrase(template, {"names": listed(group)}) for group in alike.values() if len(group) > 1]


def of_totals(rows: NDArray[np.float64], line: int, words: Sequence[str]) -> list[Phrase]:
    """A last row in `line` that sums up those above: its `words` say so, or the numbers of `rows` (N, D)."""
    total = rows[:-1].sum(axis=0)
    summed = (
        len(rows) > MIN_SUMMED and rows.shape[1] > 1 and (total != 0).all() and np.allclose(rows[-1], total, rtol=1e-6)
    )
    if not (summed or any(word.casefold().strip(" :") in TOTALS for word in words)):
        return []
    return [
        Phrase(N_("Line {line} seems to sum up those above it, and is no sample. If so, delete it."), {"line": line})
    ]


def _counting(features: NDArray[np.float64], names: Sequence[str]) -> list[Phrase]:
    """Columns that number the rows in their order or in another."""
    whole = (features == np.rint(features)).all(axis=0)
    counting = whole & (np.diff(features, axis=0) == 1).all(axis=0)
    told = []
    if counting.any():
        template = N_(
            "Column {name} counts the rows. If it only numbers them, leave it out: where the rows are sorted, it gives the class away."
        )
        told.append(Phrase(template, {"name": shortened(names[int(np.argmax(counting))])}))
    extent, step = np.ptp(features, axis=0), np.diff(features, axis=0)
    # All of 1 to N in another order, steps of one length, or numbers far apart: a measurement's are seldom any of these.
    likely = (extent == len(features) - 1) | (step == step[0]).all(axis=0) | (extent > APART * len(features))
    wide = whole & ~counting & likely & (extent > 0)
    distinct = [
        place
        for place in np.flatnonzero(wide).tolist()
        if len(features) >= FEWEST_ROWS and len(np.unique(features[:, place])) == len(features)
    ]
    if distinct and 2 * len(distinct) <= features.shape[1]:
        template = N_(
            "A whole number of its own in every row: {names}. If it only names the row, as a patient's number does, leave it out."
        )
        told.append(Phrase(template, {"names": listed([names[place] for place in distinct])}))
    return told


def _absent(features: NDArray[np.float64], names: Sequence[str]) -> list[Phrase]:
    """Values of nines that lie far from all others."""
    told = []
    template = N_(
        "Column {name}: the value {value} (times: {count}, first in row {row}) lies far from all others. If it means that the value is "
        "missing, delete these rows or fill the value in."
    )
    ends = np.stack([features.min(axis=0), features.max(axis=0)])
    for end, place in np.argwhere(np.isin(ends, ABSENT)).tolist():
        value, column = ends[end, place], features[:, place]
        rest = column[column != value]
        if rest.size and np.abs(rest - value).min() > FAR * np.ptp(rest):
            faults = np.flatnonzero(column == value)
            parameters = {"value": f"{value:.0f}", "count": len(faults), "row": int(faults[0]) + 1}
            told.append(Phrase(template, {"name": shortened(names[place]), **parameters}))
    return told[:3]


def _given_away(features: NDArray[np.float64], names: Sequence[str], codes: NDArray[np.float64]) -> list[Phrase]:
    """Features that are the class in other words, and classes that are one of several one-hot columns."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    if len(codes) < len(starts) + 2:
        return []  # of hardly any class there are two rows to compare
    low, high = np.minimum.reduceat(features[order], starts), np.maximum.reduceat(features[order], starts)
    same = np.flatnonzero((low == high).all(axis=0) & (low != low[0]).any(axis=0)).tolist()
    told = []
    if same:
        template = N_(
            "In all rows of a class one value, and not in all classes the same: {names}. That gives the class away, as a number for it "
            "or a one-hot column does: leave it out."
        )
        told.append(Phrase(template, {"names": listed([names[place] for place in same])}))
    if len(starts) == 2:
        total = codes.copy()
        for place in reversed(range(len(names))):
            if not np.isin(features[:, place], (0, 1)).all():
                break
            total += features[:, place]
            if len(names) - place > 1 and (total == 1).all():
                template = N_(
                    "Beside the class, {names} hold one 1 in each row: they seem to be one class in one-hot columns. Save "
                    "their argmax(axis=1) as one column."
                )
                told.append(Phrase(template, {"names": listed(names[place:])}))
                break
    return told
