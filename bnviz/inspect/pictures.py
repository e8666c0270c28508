"""The pictures of a report that stands alone: heat maps, and the growth of the gradient.

Inline SVG without a script, light or dark as the reader's system is.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.inspect.figures import (
    GROWTH,
    SHORT_NAMES,
    gradient_growth_alt,
    growth_axis,
    growth_conditions,
    growth_words,
    heat_alt,
    heat_key,
    shortened_name,
    step_ticks,
)
from bnviz.inspect.overview import Mark, Overview, overview
from bnviz.inspect.recording import QUANTITIES, QUANTITY_NAMES, Recording
from bnviz.inspect.report import Report
from bnviz.plot.numbers import short
from bnviz.plot.theme import DARK, LIGHT, SERIES, Palette

if TYPE_CHECKING:
    from bnviz.inspect.growth import Growth

SHADES: Final = 24  # colours of the scale
LEFT, WIDE, RIGHT, ROW, BELOW = 170.0, 520.0, 60.0, 18.0, 58.0  # of a picture, in its own units
MARKED: Final = 3  # findings that are numbered beside one row
BAR: Final = 160.0
TITLE: Final = N_("Layers by training steps")


def with_pictures(report: Report, recording: Recording) -> Report:
    """`report` on `recording` with its pictures; they are small, and can be pickled where a recording cannot."""
    shown = [overview(recording, quantity) for quantity in QUANTITIES] if len(recording.step) else []
    known = tuple(one for one in shown if np.isfinite(one.values).any())
    return replace(report, pictures=partial(pictures, known, _first_growth(recording))) if known else report


def _first_growth(recording: Recording) -> Growth | None:
    """Along the longest row, in the first snapshot: before training theory holds."""
    if recording.chains is None or not recording.chains.found:
        return None
    from bnviz.inspect.growth import growth_of, row_of  # needs SciPy, which a watch of another model does without

    row = row_of(recording, "", 0)
    return None if isinstance(row, str) else growth_of(recording, row)


def pictures(overviews: Sequence[Overview], growth: Growth | None, language: Language) -> str:
    """The heat maps, the first open and the others below it to be opened, and the gradient's growth; HTML."""
    _ = translator(language)
    head = f"<h2>{html.escape(_(TITLE))}</h2>"
    parts = [f"<style>{_style()}</style>{head}"]
    for place, shown in enumerate(overviews):
        name = html.escape(_(SHORT_NAMES[shown.quantity]))
        opened = " open" if place == 0 else ""
        parts.append(f"<details{opened}><summary>{name}</summary>{_figure(shown, language)}</details>")
    if growth is not None:
        parts.append(f"<h2>{html.escape(_(GROWTH))}</h2>{_growth(growth, _)}")
    return "".join(parts)


def _growth(growth: Growth, _: Translate) -> str:
    """Measured as a line with points, theory as a dashed one, a row for each layer."""
    words = html.escape(f"{growth_words(growth, _)} {growth_conditions(growth, _)}")
    axis = growth_axis(growth, _)
    low, high = axis["range"]
    bottom = ROW * len(growth.layers)

    def x(value: float) -> float:
        return float(LEFT + WIDE * (math.log10(value) - low) / (high - low))

    body = [*_names(growth.layers), f'<path class="base" d="M{LEFT:.0f} {bottom:.0f}h{WIDE:.0f}"/>']
    for name, values in (("theory", growth.theory), ("measured", growth.rms)):
        spots = [
            (x(value), ROW * (row + 0.5)) for row, value in enumerate(values) if math.isfinite(value) and value > 0
        ]
        body.append(f'<polyline class="{name}" points="{" ".join(f"{left:.1f},{top:.0f}" for left, top in spots)}"/>')
        if name == "measured":
            body += [f'<circle cx="{left:.1f}" cy="{top:.0f}" r="3.5"/>' for left, top in spots]
    for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
        body.append(f'<text x="{x(value):.1f}" y="{bottom + 16:.0f}" class="middle">{html.escape(text)}</text>')
    body.append(
        f'<text x="{LEFT + WIDE:.0f}" y="{bottom + 40:.0f}" class="end">{html.escape(axis["title"]["text"])}</text>'
    )
    alt = html.escape(gradient_growth_alt(growth, _))
    return f"<figure><figcaption>{words}</figcaption>{_frame(bottom, body, _(GROWTH), alt)}</figure>"


def _frame(high: float, body: Sequence[str], name: str, alt: str) -> str:
    """The drawing of `body`, `high` without its axis. On a phone it scrolls, and takes the keyboard to do so."""
    return (
        f'<div class="bnviz-heat" tabindex="0" role="group" aria-label="{html.escape(name)}">'
        f'<svg viewBox="0 0 {LEFT + WIDE + RIGHT:.0f} {high + BELOW:.0f}" role="img" aria-label="{alt}">'
        f"{''.join(body)}</svg></div>"
    )


def _figure(shown: Overview, language: Language) -> str:
    _ = translator(language)
    alt, words = html.escape(heat_alt(shown, True, _)), f"{_(QUANTITY_NAMES[shown.quantity])}: {heat_key(shown, _)}"
    high = ROW * len(shown.layers)
    body = [*_cells(shown), *_names(shown.layers), *_marks(shown), *_steps(shown, high, _), *_scale(shown, high)]
    drawing = _frame(high, body, _(SHORT_NAMES[shown.quantity]), alt)
    return f"<figure><figcaption>{html.escape(words)}</figcaption>{drawing}</figure>"


def _cells(shown: Overview) -> Iterator[str]:
    """A path per colour; neighbours of one colour are one stroke."""
    shades = _shades(shown)
    width = WIDE / max(shades.shape[1], 1)
    strokes: dict[int, list[str]] = {}
    for row, colors in enumerate(shades):
        begin = 0
        for shade, run in groupby(colors.tolist()):
            count = len(list(run))
            if shade >= 0:
                x, y = LEFT + begin * width, ROW * (row + 0.5)
                strokes.setdefault(shade, []).append(f"M{x:.1f} {y:.0f}h{count * width:.1f}")
            begin += count
    return (f'<path class="s{shade}" d="{"".join(parts)}"/>' for shade, parts in sorted(strokes.items()))


def _shades(shown: Overview) -> NDArray[np.int64]:
    """(L, T) which colour; −1 where nothing was measured."""
    span = (shown.level - shown.low) / max(shown.high - shown.low, 1e-12)
    known = np.isfinite(span)
    return np.where(known, np.clip(np.where(known, span, 0) * SHADES, 0, SHADES - 1), -1).astype(np.int64)


def _names(layers: Sequence[str]) -> Iterator[str]:
    for row, name in enumerate(layers):
        text = html.escape(shortened_name(name) or "(root)")
        yield f'<text x="{LEFT - 6:.0f}" y="{ROW * (row + 0.5) + 4:.0f}" class="end">{text}</text>'


def _marks(shown: Overview) -> Iterator[str]:
    """Outlines in the colour of the severity, and the findings' numbers beside the rows."""
    rows: dict[int, list[Mark]] = {}
    width = WIDE / max(len(shown.step), 1)
    for mark in shown.marks:
        rows.setdefault(mark.row, []).append(mark)
        x, y, wide = LEFT + mark.first * width, ROW * mark.row + 1, (mark.last + 1 - mark.first) * width
        yield f'<rect x="{x:.1f}" y="{y:.0f}" width="{wide:.1f}" height="{ROW - 2:.0f}" class="{mark.severity}"/>'
    for row, marks in rows.items():
        told = ", ".join(str(mark.number) for mark in marks[:MARKED]) + "…" * (len(marks) > MARKED)
        yield f'<text x="{LEFT + WIDE + 6:.0f}" y="{ROW * (row + 0.5) + 4:.0f}" class="number">{told}</text>'


def _steps(shown: Overview, high: float, _: Translate) -> Iterator[str]:
    width = WIDE / max(len(shown.step), 1)
    for tick in step_ticks(shown):
        yield f'<text x="{LEFT + (tick + 0.5) * width:.1f}" y="{high + 14:.0f}" class="middle">{shown.step[tick]}</text>'
    title = html.escape(_("Training step (as recorded)"))
    yield f'<text x="{LEFT + WIDE:.0f}" y="{high + 40:.0f}" class="end">{title}</text>'


def _scale(shown: Overview, high: float) -> Iterator[str]:
    """The colours, and what their ends mean."""
    y, step = high + 36, BAR / SHADES
    for shade in range(SHADES):
        yield f'<path class="s{shade} bar" d="M{LEFT + shade * step:.1f} {y:.0f}h{step:.1f}"/>'
    ends = [10.0**end for end in (shown.low, shown.high)] if shown.logarithmic else [shown.low, shown.high]
    for x, end in zip((LEFT, LEFT + BAR), ends, strict=True):
        yield f'<text x="{x:.0f}" y="{high + 54:.0f}" class="middle">{short(end)}</text>'


def _style() -> str:
    return (
        f".bnviz-heat{{overflow-x:auto}}.bnviz-heat svg{{min-width:34rem;width:100%;font:12px system-ui,sans-serif}}"
        f".bnviz-heat path{{fill:none;stroke-width:{ROW - 1};shape-rendering:crispEdges}}.bnviz-heat path.bar{{stroke-width:9}}"
        ".bnviz-heat path.base{stroke-width:1}.bnviz-heat polyline{fill:none;stroke-width:2.5}"
        ".bnviz-heat polyline.theory{stroke-width:1.8;stroke-dasharray:6 5}"
        ".bnviz-heat rect{fill:none;stroke-width:2.5}.bnviz-heat .end{text-anchor:end}.bnviz-heat .middle{text-anchor:middle}"
        ".bnviz-heat .number{font-weight:700}.bnviz-report figure{margin:.5rem 0}.bnviz-report summary{cursor:pointer;padding:.3rem 0}"
        f"{_colors(LIGHT)}@media (prefers-color-scheme:dark){{{_colors(DARK)}}}"
    )


def _colors(palette: Palette) -> str:
    shades = "".join(f".bnviz-heat .s{shade}{{stroke:{_mixed(palette, shade)}}}" for shade in range(SHADES))
    return (
        f"{shades}.bnviz-heat text{{fill:{palette['ink']}}}.bnviz-heat rect.error{{stroke:{palette['error']}}}"
        f".bnviz-heat rect.warning{{stroke:{palette['before']}}}.bnviz-heat rect.note{{stroke:{palette['ink']}}}"
        f".bnviz-heat path.base{{stroke:{palette['context']}}}.bnviz-heat polyline.theory{{stroke:{palette['theory']}}}"
        f".bnviz-heat polyline.measured{{stroke:{palette['after']}}}.bnviz-heat circle{{fill:{palette['after']}}}"
    )


def _mixed(palette: Palette, shade: int) -> str:
    """The scale's colour, between two of the series as Plotly draws it."""
    place = shade / (SHADES - 1) * (len(SERIES) - 1)
    low = min(math.floor(place), len(SERIES) - 2)
    pair = [[int(palette[SERIES[low + side]][at : at + 2], 16) for at in (1, 3, 5)] for side in (0, 1)]
    return "#" + "".join(f"{round(a + (place - low) * (b - a)):02x}" for a, b in zip(*pair, strict=True))
