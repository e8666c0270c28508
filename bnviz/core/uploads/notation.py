"""How a file writes its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from bnviz.core.uploads.upload import literal

# Reads a cell once: with `\d+\.?\d*` there would be as many ways to take a row of digits as it is long.
# Digits of any script: `float` takes them.
NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
BOOLEANS: Final = {"true": 1.0, "false": 0.0}
MISSING: Final = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "?", "<na>", "nat", "\\n"})  # in place of any value
MARKS: Final = frozenset(",'’\u00a0\u2009\u202f\u2212")  # what a number may be written with, beside a point
SPACED: Final = re.compile(r"\d \d{3}(?!\d)", re.ASCII)
MINUS: Final = "\u2212"  # as typesetting has it, for the hyphen of programs
THOUSANDS: Final = re.compile(
    r"[+-]?\d{1,3}(?:(?P<sign>[.,'’ \u00a0\u2009\u202f])\d{3})(?P<more>(?:(?P=sign)\d{3})*)(?P<decimal>(?!(?P=sign))[.,]\d*)?",
    re.ASCII,
)
NEARLY: Final = re.compile(
    r"""(?!(?:\d+\.){2})[^\w\s]{0,3}\s?[+-]?\d[\d.,'’\s_]*[^\w\s]{0,2}   # $12, 12 %, (5), 1 234
    |[+-]?\d+(?:\.\d*)?[dD][+-]?\d+                      # Fortran's exponents
    |0[xX][0-9a-fA-F]+|[+-]?\d+/\d+
    |[+-]?\d[\d.,]*\s?(?:[a-zA-Zµ°]{1,3}|°[CF])(?:/[a-z]+|[²³])?  # 3 cm
    |[+-]?\d[\d.,]*\s?(?:[元万亿岁克米秒℃％]|公斤|千克|厘米|毫米|公里|小时|分钟)|(?:USD|EUR|CNY|RMB|GBP|JPY)\s?\d[\d.,]*
    |[+-]?\d[\d.]*\s?[×x]\s?10\^?[\d+-]*                       # 1.5×10^3
    |\(?[+-]?\d[\d.]*(?:[eE][+-]?\d+)?\s?(?:±\s?|[+-])\d[\d.]*(?:[eE][+-]?\d+)?[ij]?\)?  # 5±1, (1+2j)""",
    re.VERBOSE,
)
"""What people write for a number, and Python's `float` does not take."""
DATE: Final = re.compile(
    r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))(?:[ T]\d{1,2}:.*)?|\d{1,2}:\d{2}(?::\d{2})?"
)
SAMPLE: Final = 200  # cells of a column


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes its numbers."""

    decimal: str = "."
    thousands: str = ""
    """What stands between groups of three digits; empty for nothing."""
    minus: bool = False
    """Whether a minus sign is one of typesetting."""

    def number(self, cell: str) -> float | None:
        """The number that a cell holds."""
        if self.minus:
            cell = cell.replace(MINUS, "-")
        if self.thousands and self.thousands in cell:
            if not _grouped(self.decimal, self.thousands).fullmatch(cell):
                return None
            cell = cell.replace(self.thousands, "")
        if self.decimal == ",":
            cell = cell.replace(",", ".") if "." not in cell else ""
        if NUMBER.fullmatch(cell):
            return float(cell)
        return BOOLEANS.get(cell.lower())

    def code(self, cell: str) -> str:
        """Python that makes of `cell`, Python for a cell's text, what `float` takes."""
        if self.minus:
            cell += f'.replace({literal(MINUS)}, "-")'
        if self.thousands:
            cell += f'.replace({literal(self.thousands)}, "")'
        return cell + '.replace(",", ".")' if self.decimal == "," else cell


@cache
def _grouped(decimal: str, thousands: str) -> re.Pattern[str]:
    sign, point = re.escape(thousands), re.escape(decimal)
    return re.compile(rf"[+-]?\d{{1,3}}(?:{sign}\d{{3}})+(?:{point}\d*)?", re.ASCII)


def notation_of(rows: Sequence[Sequence[str]], separator: str) -> Notation:
    """How the numbers in `rows` are written.

    1,5 has a decimal comma unless a number is written with a point, and 1.234,5 or 1,234,567 say what stands between the thousands.
    So do 1.234 beside 5,1 and 1,234 beside 5.1, where nothing is written in another way. What may be either is no decimal comma where a
    comma separates cells: then a cell that is no number is refused.
    """
    texts = set("".join(map("".join, rows)))
    spaced = (
        " " in texts and separator != " " and any(" " in cell and SPACED.search(cell) for row in rows for cell in row)
    )
    if not MARKS & texts and not spaced:
        return Notation()
    signs: set[str] = set()
    decimals: set[str] = set()  # signs that can only be decimal ones
    either: set[str] = set()  # signs that stand before three digits
    for cell in (cell.replace(MINUS, "-") for cell in _written_with_marks(rows)):
        found = THOUSANDS.fullmatch(cell)
        if found and (found["more"] or found["decimal"] or found["sign"] not in ".,"):
            if separator != " " or found["sign"] != " ":
                signs.add(found["sign"])
            decimals |= {found["decimal"][0]} if found["decimal"] else set()
        elif found:
            either.add(found["sign"])
        elif Notation(",").number(cell) is not None:
            decimals.add(",")
        elif NUMBER.fullmatch(cell):
            decimals.add(".")
    decimal, thousands = _told_apart(signs, decimals, either, separator)
    return Notation(decimal, thousands, MINUS in texts)


def _told_apart(signs: set[str], decimals: set[str], either: set[str], separator: str) -> tuple[str, str]:
    """The decimal sign and what stands between thousands, by the signs that are surely one of these, and those that may be either."""
    thousands = next(iter(signs)) if len(signs) == 1 else ""
    if thousands and thousands in ".,":
        return (".", "") if thousands in decimals else (".,".replace(thousands, ""), thousands)
    if len(decimals) == 1 and not signs and either - decimals:
        [decimal] = decimals
        return decimal, ".,".replace(decimal, "")
    if separator == ",":
        either = either - {","}
    return ("," if decimals | either == {","} else "."), thousands


def may_be_thousands(cells: Sequence[str], notation: Notation) -> bool:
    """Whether a column's decimal signs may be signs between thousands as well: each stands before three digits."""
    written = [cell for cell in cells if notation.decimal in cell]
    alike = [THOUSANDS.fullmatch(cell) for cell in written]
    return bool(written) and all(
        found and found["sign"] == notation.decimal and not cell.lstrip("+-").startswith("0")
        for cell, found in zip(written, alike, strict=True)
    )


def _written_with_marks(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    marks = MARKS | {" "}
    return (cell for row in rows for cell in row if not cell.isdecimal() and ("." in cell or marks & set(cell)))


def is_nearly_a_number(cells: Sequence[str]) -> bool:
    """Whether all cells of a column of words look like numbers with something before, between or after the digits."""
    return bool(cells) and all(NEARLY.fullmatch(cell) for cell in cells[:SAMPLE])


def is_a_date(cells: Sequence[str]) -> bool:
    """Whether all cells of a column of words are dates or times."""
    return bool(cells) and all(DATE.fullmatch(cell) for cell in cells[:SAMPLE])
