"""Numbers with one unit in every cell of a column: 12 %, $1,200, 3.5 cm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from bnviz.core.uploads.notation import Notation
from bnviz.core.uploads.upload import literal

MONEY: Final = r"(?:[A-Z]{1,3})?[$€£¥₹₩₽₺₴฿￥]|USD|EUR|CNY|RMB|GBP|JPY|CHF|INR|AUD|CAD"
MEASURE: Final = r"[%‰％℃]|[元万亿岁克米秒]|公斤|千克|厘米|毫米|公里|小时|分钟|°[CF]?|[a-zA-Zµμ]{1,3}(?:/[a-z]+|[²³])?"
WITH_UNIT: Final = re.compile(
    rf"(?P<sign>[+\u2212-]?)(?P<before>{MONEY})?(?P<number>\s?[+\u2212-]?(?:\d[\d.,'’\s]*|[.,])?\d)\s?(?P<after>{MONEY}|{MEASURE})?"
)
"""A number and what stands before or after it; a sign may stand before a currency."""
THOUSANDS: Final = ("", ",", ".", " ", "\u00a0", "\u2009", "\u202f", "'", "’")


@dataclass(frozen=True, slots=True)
class Unit:
    """What stands beside each number of a column."""

    name: str
    """As in the file."""
    notation: Notation
    """How the numbers are written, which may be in another way than the rest of the file."""

    def number(self, cell: str) -> float | None:
        """The number that a cell holds."""
        return self.notation.number(cell.replace(self.name, "").strip())

    def code(self, cell: str, others: Notation) -> str:
        """Python that makes of `cell`, Python for a cell's text, the number without unit, written as `others` are."""
        code = self.notation.code(f'{cell}.replace({literal(self.name)}, "")')
        return code + '.replace(".", ",")' if others.decimal == "," else code


def unit_of(cells: Sequence[str], notation: Notation) -> Unit | None:
    """The unit of `cells`, all of which hold a number and the same unit, once; None where one does not.

    The numbers are read as `notation` says if it can be done, else in the first of the usual ways in which all can be read.
    """
    names = set()
    for cell in cells:
        found = WITH_UNIT.fullmatch(cell)
        if not found or bool(found["before"]) == bool(found["after"]):
            return None
        if found["sign"] and not found["number"][0].isdecimal():
            return None  # two signs, or a space behind one
        names.add(found["before"] or found["after"])
    if len(names) != 1:
        return None
    name = names.pop()
    usual = (Notation(decimal, sign) for decimal, sign in product(".,", THOUSANDS) if decimal != sign)
    for way in (notation, *usual):
        unit = Unit(name, Notation(way.decimal, way.thousands, minus=True))
        if all(unit.number(cell) is not None for cell in cells):
            return unit
    return None
