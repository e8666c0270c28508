"""Numbers as a picture or a text shows them: at most three significant digits, a proper minus sign."""

from __future__ import annotations

import math
from typing import Final

SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WRITTEN_OUT: Final = 1e6
FINEST: Final = 4  # places behind the point


def short(value: float, dust: float = 0.0) -> str:
    """`value` in words: thousands written out, powers of ten as superscripts beyond; what is below `dust` is 0."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "?")
    if abs(value) < dust or value == 0:
        return "0"
    if 1000 <= abs(value) < WRITTEN_OUT:
        return f"{float(f'{value:.3g}'):.0f}".replace("-", "−")
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return mantissa.replace("-", "−") + (f"·10{superscript(int(exponent))}" if exponent else "")


def with_spread(value: float, deviation: float) -> str:
    """`value` ± its standard deviation, that to two digits, both to the same place, which is not beyond the third digit of `value`."""
    if not (math.isfinite(value) and math.isfinite(deviation) and deviation > 0):
        return short(value)
    place = 1 - _power(deviation, 2)
    if value:
        place = min(place, 2 - _power(value, 3))
    if not 0 <= place <= FINEST:
        return f"{short(value)} ± {short(float(f'{deviation:.2g}'))}"
    return f"{value:.{place}f} ± {deviation:.{place}f}".replace("-", "−")


def _power(value: float, digits: int) -> int:
    """The power of ten of `value` when it is rounded to so many digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def grouped(count: int) -> str:
    """A count to the last digit, its thousands set apart."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def superscript(exponent: int) -> str:
    """`exponent` in superscript digits."""
    return str(exponent).translate(SUPERSCRIPTS)


def points(share: float, *, signed: bool = True) -> str:
    """A share in percentage points, to one hundredth where that is small."""
    if not math.isfinite(share):
        return "?"
    value = 100 * share
    return f"{value:{'+' if signed else ''}.{2 if abs(value) < 9.995 else 1}f}".replace("-", "−")


def latex(value: float) -> str:
    """`value` as LaTeX."""
    if not math.isfinite(value):
        return {math.inf: r"\infty", -math.inf: r"-\infty"}.get(value, r"\text{NaN}")
    mantissa, _, exponent = f"{value + 0.0:.3g}".partition("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if exponent else mantissa


def latex_signed(value: float) -> str:
    """`value` as LaTeX, in brackets where a minus would follow an operator."""
    return f"({latex(value)})" if value < 0 else latex(value)
