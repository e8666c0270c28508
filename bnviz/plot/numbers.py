"""Numbers as a picture or a text shows them: at most three significant digits, a proper minus sign.

`formatNumber` in `ui/assets/common.js` writes the same; tests/plot/numbers.json is the table that both are held to.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WRITTEN_OUT: Final = range(-4, 6)  # powers of ten of the leading digit; beyond, a number is m×10ⁿ
DIGITS: Final = Context(prec=3, rounding=ROUND_HALF_UP)  # as JavaScript's toPrecision does
NOT_A_NUMBER: Final = "–"
FINEST: Final = 4  # places behind the point


def short(value: float, dust: float = 0.0) -> str:
    """`value` to three significant digits: 0.000234, 13700, 2.34×10⁻⁵, 10⁶; what is below `dust` is 0."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, NOT_A_NUMBER)
    if abs(value) < dust or value == 0:
        return "0"
    rounded = DIGITS.plus(Decimal(float(value)))
    power = rounded.adjusted()
    if power in WRITTEN_OUT:
        return _plain(rounded)
    mantissa = _plain(rounded.scaleb(-power))
    factor = {"1": "", "−1": "−"}.get(mantissa, f"{mantissa}×")
    return f"{factor}10{superscript(power)}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}".replace("-", "−")


def glued(text: str) -> str:
    """`text` in which a number stays in one line with its sign, its unit and the other end of its interval, as `glued` in text.js."""
    return re.sub(r" (?=[%…±])|(?<=[…±]) ", "\N{NO-BREAK SPACE}", text)


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
        return NOT_A_NUMBER
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
