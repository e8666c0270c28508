"""The pieces that pictures are made of: lines, bands, notes and logarithmic axes in the house style, as plain Plotly data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnviz.plot.numbers import short, superscript
from bnviz.plot.theme import Role, axis, color

Floats = NDArray[np.float64]

PHONE_FONT: Final = 12
PHONE_MARGIN: Final = {"l": 50, "r": 116, "t": 68, "b": 48}
KEY_FONT: Final = 13
SILENT: Final[Mapping[str, Any]] = {"hovertemplate": None, "hoverinfo": "skip"}  # not to be pointed at
WIDE: Final = 2.3  # letters that a Chinese character is as wide as


def line(
    x: Any,
    y: Any,
    role: Role,
    name: str,
    *,
    width: float = 3,
    dash: str = "solid",
    opacity: float = 1.0,
    **options: Any,
) -> dict[str, Any]:
    """A curve named `name` (nameless: not to be pointed at); with a `marker` also its points. What is not finite is a gap."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if "marker" in options else "lines",
        "x": x,
        "y": y,
        "name": name,
        "opacity": opacity,
        "line": {"color": color(role), "width": width, "dash": dash},
        "connectgaps": False,
        "hovertemplate": f"%{{x}}: %{{y:.3g}}<extra>{name}</extra>" if name else None,
        "hoverinfo": None if name else "skip",
        **options,
    }


def points(
    x: Any, y: Any, role: Role, name: str, *, size: float = 9, symbol: str = "circle", **options: Any
) -> dict[str, Any]:
    """Points named `name`."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": name,
        "marker": {"color": color(role), "size": size, "symbol": symbol},
        "hovertemplate": f"%{{x}}: %{{y:.3g}}<extra>{name}</extra>",
        **options,
    }


def band(
    x: ArrayLike, low: ArrayLike, high: ArrayLike, role: Role, opacity: float = 0.18, name: str = ""
) -> dict[str, Any]:
    """The area between two curves; where one of them is not finite there is none."""
    where, bottom, top = (np.asarray(values, dtype=np.float64) for values in (x, low, high))
    kept = np.isfinite(bottom) & np.isfinite(top)
    where, bottom, top = where[kept], bottom[kept], top[kept]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.concatenate((where, where[::-1])),
        "y": np.concatenate((bottom, top[::-1])),
        "fill": "toself",
        "fillcolor": color(role, opacity),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def steps(edges: Floats, heights: Floats, role: Role, name: str, *, fill: bool) -> dict[str, Any]:
    """A histogram as a filled staircase, or (theory) as a dashed one."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": edges,
        "y": np.append(heights, heights[-1]),
        "line": {"shape": "hv", "color": color(role), "width": 2, "dash": "solid" if fill else "dash"},
        "fill": "tozeroy" if fill else "none",
        "fillcolor": color(role, 0.3),
        "hovertemplate": f"%{{x:.3g}}: %{{y:.3g}}<extra>{name}</extra>",
    }


def note(text: str, tone: Role = "context", **place: Any) -> dict[str, Any]:
    """Words in the picture."""
    return {"text": text, "showarrow": False, "font": {"color": color(tone)}, **place}


def key(text: str) -> dict[str, Any]:
    """How to read the picture, above the plot; parts between " · " stand in lines of their own on a phone (see `small`)."""
    words = note(text, xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom", yshift=8, align="left")
    return {**words, "font": {"size": KEY_FONT, "color": color("context")}}


def small(notes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`notes` as a phone shows them: smaller, and keys in several lines."""
    return [
        {**entry, "font": {**entry["font"], "size": PHONE_FONT}, "text": entry["text"].replace(" · ", "<br>")}
        for entry in notes
    ]


def phone(notes: Sequence[dict[str, Any]], **margin: int) -> dict[str, Any]:
    """The layout of a chart with one plot on narrow screens; `margin` overrides sides of `PHONE_MARGIN`."""
    return {"font": {"size": PHONE_FONT}, "margin": {**PHONE_MARGIN, **margin}, "annotations": small(notes)}


def theory_line(x: Any, y: Any, name: str) -> dict[str, Any]:
    """What theory says, as every picture draws it: a dashed line in ink."""
    return line(x, y, "theory", name, width=1.8, dash="dash")


def crosses(x: Any, y: Any, name: str, hover: str, size: float = 10, **options: Any) -> dict[str, Any]:
    """Where something stopped being a number: crosses in the colour of errors, which say `hover`."""
    look = {"symbol": "x", "size": size, "color": color("error")}
    data = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": look, "name": name}
    return {**data, "hovertemplate": hover, **options}


def segment(
    x: Sequence[float], y: Sequence[float], role: Role, width: float, dash: str = "", **options: Any
) -> dict[str, Any]:
    """A straight line that is no data, from (x[0], y[0]) to (x[1], y[1])."""
    look = {"color": color(role), "width": width} | ({"dash": dash} if dash else {})
    return {"type": "line", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "line": look, **options}


def vertical_line(x: float, role: Role, width: float = 1.5, dash: str = "dot") -> dict[str, Any]:
    """A straight line at `x` from the bottom of the plot to its top."""
    return segment((x, x), (0, 1), role, width, dash, yref="paper")


def rectangle(
    x: Sequence[float], y: Sequence[float], role: Role, opacity: float = 1.0, **options: Any
) -> dict[str, Any]:
    """A filled rectangle below the data, from (x[0], y[0]) to (x[1], y[1])."""
    rest = {"layer": "below", "fillcolor": color(role, opacity), "line": {"width": 0}, **options}
    return {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], **rest}


def log_axis(title: str, low: float, high: float, **options: Any) -> dict[str, Any]:
    """A logarithmic axis over 10^low … 10^high with ticks at 1, 2, 5 or, where those are too many, at powers of ten."""
    factors = (1, 2, 5) if high - low < 3.2 else (1,)
    exponents = range(math.floor(low), math.ceil(high) + 1)
    ticks = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    shown = [tick for tick in ticks if low <= math.log10(tick) <= high]
    return axis(
        title, type="log", range=[low, high], tickvals=shown, ticktext=[short(tick) for tick in shown], **options
    )


def log_range(values: ArrayLike) -> tuple[float, float]:
    """Exponents of an axis around the finite positive `values`."""
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array) & (array > 0)]
    if not finite.size:
        return -3.0, 0.0
    return math.log10(float(finite.min())) - 0.15, math.log10(float(finite.max())) + 0.2


def power_ticks(low: float, high: float, most: int = 7) -> dict[str, Any]:
    """At most about `most` ticks at whole powers of ten, for a log axis over 10^low … 10^high."""
    step = max(1, math.ceil((high - low) / most))
    exponents = range(math.ceil(low), math.floor(high) + 1, step)
    return {
        "tickvals": [10.0**exponent for exponent in exponents],
        "ticktext": [f"10{superscript(exponent)}" for exponent in exponents],
    }


def domain(number: int, count: int, gap: float) -> list[float]:
    """The axis domain of panel `number` of `count`, `gap` apart."""
    width = (1 - gap * (count - 1)) / count
    start = number * (width + gap)
    return [start, min(1.0, start + width)]


def largest(*values: ArrayLike) -> float:
    """The largest finite number in `values`; 0 where there is none."""
    seen = np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in values])
    seen = seen[np.isfinite(seen)]
    return float(seen.max()) if seen.size else 0.0


def wrapped(text: str, width: int) -> str:
    """`text` in lines of at most `width` Latin letters; a Chinese character counts as WIDE and may stand at a line's end."""
    lines, line, length = [], "", 0.0
    for part in re.findall(r"（*(?:[^\s\u2e80-\uffef]+|[\u2e80-\uffef])[，。；：、！？）]*\s*|\s+", text):
        size = sum(WIDE if east_asian_width(letter) in "WF" else 1 for letter in part.rstrip())
        if line and length + size > width:
            lines.append(line.rstrip())
            line, length = "", 0.0
        line, length = line + part, length + size + len(part) - len(part.rstrip())
    return "<br>".join([*lines, line.rstrip()])
