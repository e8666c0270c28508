"""Numbers as a picture or a text shows them: at most three significant digits, a proper minus sign.

`formatNumber` in `ui/assets/common.js` writes the same; tests/plot/numbers.json is the table that both are held to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WRITTEN_OUT: Final = range(-4, 6)  # powers of ten of the leading digit; beyond, a number is m×10ⁿ
DIGITS: Final = Context(prec=3, rounding=ROUND_HALF_UP)  # as JavaScript's toPrecision does
NOT_A_NUMBER: Final = "–"
FINEST: Final = 4  # places behind the point
FARTHEST: Final = 2  # places beyond the digits of the largest of several numbers


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


def alike(*values: float, digits: int = 3) -> tuple[str, ...]:
    """`values` that are compared, to the same place: three digits of the largest, one at least of the smallest.

    An exact 0 is 0. Where no place serves the largest and the smallest, each is `short`.
    """
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if not sizes:
        return tuple(map(short, values))
    power, least = _power(max(sizes), digits), _power(min(sizes), 1)
    place = max(digits - 1 - power, -least, 0)
    if power not in WRITTEN_OUT or least not in WRITTEN_OUT or place > max(digits - 1 - power, 0) + FARTHEST:
        return tuple(map(short, values))
    return tuple(_fixed(value, place) if math.isfinite(value) and value else short(value) for value in values)


def interval(low: str, high: str) -> str:
    """From `low` to `high`, as everything that has two ends is written."""
    return f"{low} … {high}"


def between(low: float, high: float, dust: float = 0.0) -> str:
    """The interval from `low` to `high`, one number where both read the same; what is below `dust` is 0."""
    ends = alike(*(0.0 if abs(end) < dust else end for end in (low, high)))
    return ends[0] if ends[0] == ends[1] else interval(*ends)


def _fixed(value: float, place: int) -> str:
    rounded = Decimal(float(value)).quantize(Decimal(1).scaleb(-place), ROUND_HALF_UP)
    return f"{rounded if rounded else abs(rounded):f}".replace("-", "−")


def with_spread(value: float, deviation: float) -> str:
    """`value` ± its standard deviation, that to two digits, both to the same place, which is not beyond the third digit of `value`."""
    return with_spreads([value], [deviation])[0]


def with_spreads(values: Sequence[float], deviations: Sequence[float]) -> tuple[str, ...]:
    """`values` that are compared, each ± its standard deviation, all to the same place: the coarsest that one alone would have.

    Every deviation shows a digit; where one has no place of its own, each is told alone.
    """
    pairs = list(zip(values, deviations, strict=True))
    places = [_place(value, deviation) for value, deviation in pairs if _has_spread(value, deviation)]
    place = max([min(places), *(-_power(dev, 1) for value, dev in pairs if _has_spread(value, dev))]) if places else 0
    fits = bool(places) and all(0 <= one <= FINEST for one in [*places, place])

    def told(value: float, deviation: float) -> str:
        if not _has_spread(value, deviation):
            return _fixed(value, place) if fits and len(pairs) > 1 and math.isfinite(value) else short(value)
        where = place if fits else _place(value, deviation)
        if not 0 <= where <= FINEST:
            return f"{short(value)} ± {short(float(f'{deviation:.2g}'))}"
        return f"{value:.{where}f} ± {deviation:.{where}f}".replace("-", "−")

    return tuple(told(value, deviation) for value, deviation in pairs)


def _has_spread(value: float, deviation: float) -> bool:
    return math.isfinite(value) and math.isfinite(deviation) and deviation > 0


def _place(value: float, deviation: float) -> int:
    """Two digits of the deviation, but not beyond the third of `value`."""
    place = 1 - _power(deviation, 2)
    return min(place, 2 - _power(value, 3)) if value else place


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
    return points_alike(share, signed=signed)[0]


def points_alike(*shares: float, signed: bool = True) -> tuple[str, ...]:
    """Shares that are compared, in percentage points, to the same place: one hundredth where all are small."""
    place = 2 if all(abs(100 * share) < 9.995 for share in shares if math.isfinite(share)) else 1
    return tuple(
        f"{100 * share:{'+' if signed else ''}.{place}f}".replace("-", "−") if math.isfinite(share) else NOT_A_NUMBER
        for share in shares
    )


def latex(value: float) -> str:
    """`value` as LaTeX."""
    if not math.isfinite(value):
        return {math.inf: r"\infty", -math.inf: r"-\infty"}.get(value, r"\text{NaN}")
    mantissa, _, exponent = f"{value + 0.0:.3g}".partition("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if exponent else mantissa


def latex_signed(value: float) -> str:
    """`value` as LaTeX, in brackets where a minus would follow an operator."""
    return f"({latex(value)})" if value < 0 else latex(value)
