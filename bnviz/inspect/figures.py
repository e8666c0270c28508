"""The pictures of a recording: layers × steps, a layer's histograms played through training, its channels against their band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.inspect.overview import Channels, LayerCourse, Overview, Sides
from bnviz.inspect.recording import QUANTITY_NAMES, SATURATES, QuantityName
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import (
    PHONE_FONT,
    key,
    line,
    log_axis,
    log_range,
    note,
    phone,
    points,
    power_ticks,
    small,
    theory_line,
    wrapped,
)
from bnviz.plot.scene import Axis, Layer, Panel, Readout, Row, Scene, Zone
from bnviz.plot.theme import SERIES, Role, axis, color, layout

if TYPE_CHECKING:
    from bnviz.inspect.growth import Growth  # needs SciPy, which a watch does without

LONGEST_NAME: Final = 22
MAX_TICKS: Final = 24
MAX_STEP_TICKS: Final = 8
PHONE_TICKS: Final = 4
GROWTH: Final = N_("Growth of the gradient from layer to layer")
TONES: Final[dict[str, Role]] = {"error": "error", "warning": "before", "note": "ink"}
SHORT_NAMES: Final[dict[QuantityName, str]] = {
    "gap": N_("Gap between train and eval"),
    "z": N_("|z| of the batch mean"),
    "log_variance_ratio": N_("|log variance ratio|"),
    "dead": N_("Dead channels"),
    "saturated": N_("Saturated outputs"),
    "gamma": N_("|γ|"),
    "gradient": N_("Gradient RMS"),
}


def heat_map(overview: Overview, chosen: str, marked: bool, language: Language = "en") -> Chart:
    """The quantity by layer and step. `marked`: with the findings' numbers and outlines."""
    _ = translator(language)
    ticks = step_ticks(overview)
    x = axis(
        _("Training step (as recorded)"),
        showgrid=False,
        range=[-0.5, max(len(overview.step), 1) - 0.5],
        tickvals=ticks,
        ticktext=[str(overview.step[tick]) for tick in ticks],
    )
    y = _layer_axis(overview.layers, chosen)
    count = len(overview.layers)
    words = heat_key(overview, _)
    notes = [key(_(QUANTITY_NAMES[overview.quantity]) + "<br>" + words)]
    if marked:
        notes += _numbers(overview)
    base = layout(
        x,
        y,
        annotations=notes,
        shapes=_outlines(overview) if marked else [],
        margin={"l": 80, "r": 96, "t": 52, "b": 52},
        coloraxis=_colors(overview),
    )
    narrow = {
        "font": {"size": PHONE_FONT},
        "margin": {"l": 60, "r": 78, "t": 76, "b": 48},
        "annotations": small([key(wrapped(_(QUANTITY_NAMES[overview.quantity]), 34) + "<br>" + words), *notes[1:]]),
    }
    return Chart(
        "heat_map",
        [_cells(overview, _)],
        base,
        heat_alt(overview, marked, _),
        height=min(150 + 30 * count, 460),
        phone_height=min(190 + 26 * count, 460),
        phone_layout=narrow,
        playhead_first=0.0,
        pickable=True,
    )


def heat_key(overview: Overview, _: Translate) -> str:
    """What the colours say of cells that are blank, and from where on they matter."""
    words = [_("blank: not measured")]
    if overview.limit is not None:
        words.append(_("above {limit} it matters").format(limit=short(overview.limit)))
    if len(overview.layers) < overview.all_layers:
        words.append(_("{shown} of {all} layers").format(shown=len(overview.layers), all=overview.all_layers))
    return " · ".join(words)


def step_ticks(overview: Overview) -> list[int]:
    """Columns whose step is written below them."""
    last = len(overview.step) - 1
    return sorted({round(float(place)) for place in np.linspace(0, last, MAX_STEP_TICKS)}) if last >= 0 else []


def _layer_axis(layers: Sequence[str], chosen: str) -> dict[str, Any]:
    """A row for each layer, the first on top."""
    rows = _layer_ticks(layers, chosen)
    words = [_tick(layers[row], chosen) for row in rows]
    return axis("", showgrid=False, range=[len(layers) - 0.5, -0.5], tickvals=rows, ticktext=words)


def _layer_ticks(layers: Sequence[str], chosen: str) -> list[int]:
    """Rows whose layer is named: evenly many, and the chosen one instead of its neighbours."""
    count = len(layers)
    stride = math.ceil(count / MAX_TICKS)
    own = [row for row, name in enumerate(layers) if name == chosen]
    return sorted({*own, *(row for row in range(0, count, stride) if all(abs(row - other) >= stride for other in own))})


def shortened_name(name: str) -> str:
    """A layer's name as an axis can hold it: its end, which tells layers apart."""
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]


def _tick(name: str, chosen: str) -> str:
    text = _plain(shortened_name(name or "(root)"))
    return f"<b>▸ {text}</b>" if name == chosen else text


def _plain(text: str) -> str:
    """`text` without what Plotly would take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cells(overview: Overview, _: Translate) -> dict[str, Any]:
    names = [_plain(shortened_name(name) or "(root)") for name in overview.layers]
    words = _("{layer}, step {step}: {value}")
    return {
        "type": "heatmap",
        "x": np.arange(len(overview.step)),
        "y": np.arange(len(overview.layers)),
        "z": np.round(overview.level, 3),
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "name": _(SHORT_NAMES[overview.quantity]),
        "text": [
            [
                words.format(layer=name, step=step, value=short(value))
                for step, value in zip(overview.step, row, strict=True)
            ]
            for name, row in zip(names, overview.values, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _colors(overview: Overview) -> dict[str, Any]:
    bar: dict[str, Any] = {"thickness": 14, "outlinewidth": 0, "x": 1.07}
    if overview.logarithmic:
        ticks = power_ticks(overview.low, overview.high)
        bar |= {"tickvals": [math.log10(value) for value in ticks["tickvals"]], "ticktext": ticks["ticktext"]}
    else:
        bar |= {"tickvals": [0, 0.5, 1], "ticktext": ["0", "50 %", "100 %"]}
    return {
        "colorscale": [[rank / (len(SERIES) - 1), color(role)] for rank, role in enumerate(SERIES)],
        "cmin": overview.low,
        "cmax": overview.high,
        "colorbar": bar,
    }


def _outlines(overview: Overview) -> list[dict[str, Any]]:
    return [
        {
            "type": "rect",
            "x0": mark.first - 0.5,
            "x1": mark.last + 0.5,
            "y0": mark.row - 0.46,
            "y1": mark.row + 0.46,
            "line": {"color": color(TONES[mark.severity]), "width": 2.5},
        }
        for mark in overview.marks
    ]


def _numbers(overview: Overview) -> list[dict[str, Any]]:
    """The findings' numbers beside their rows."""
    rows: dict[int, list[Any]] = {}
    for mark in overview.marks:
        rows.setdefault(mark.row, []).append(mark)
    return [
        note(
            f"<b>{', '.join(str(mark.number) for mark in marks[:3])}{'…' if len(marks) > 3 else ''}</b>",
            TONES[marks[0].severity],
            xref="paper",
            x=1,
            xanchor="left",
            xshift=6,
            y=row,
            yanchor="middle",
        )
        for row, marks in rows.items()
    ]


def heat_alt(overview: Overview, marked: bool, _: Translate) -> str:
    """The picture in words."""
    if not overview.values.size:
        return _("No step was recorded.")
    words = _("{quantity}, {layers} layers by {steps} training steps, in colours.").format(
        quantity=_(QUANTITY_NAMES[overview.quantity]), layers=len(overview.layers), steps=int(overview.step[-1])
    )
    last = overview.values[:, -1]
    known = np.flatnonzero(np.isfinite(last))
    if known.size:
        top = known[np.argsort(-last[known])][:3]
        parts = _(", ").join(f"{overview.layers[row]} {short(last[row])}" for row in top)
        words += " " + _("Largest at the end: {parts}.").format(parts=parts)
    if marked and overview.marks:
        named = _(", ").join(f"{mark.number} {overview.layers[mark.row]}" for mark in overview.marks[:8])
        words += " " + _("Findings marked: {parts}.").format(parts=named)
    return words


def histograms(course: LayerCourse, growing: bool, language: Language = "en") -> Scene:
    """What comes into the layer and what leaves it, as shares of the values per bin. `growing`: the training still writes."""
    _ = translator(language)
    captions = [
        _("Step {step} · snapshot of step {look}").format(step=step, look=look)
        if look >= 0
        else _("Step {step} · no snapshot yet").format(step=step)
        for step, look in zip(course.step.tolist(), course.look.tolist(), strict=True)
    ]
    shares = Axis(_("share"), 0.0, _top(course.before, course.after))
    readouts = tuple(
        Readout(_(SHORT_NAMES[name]), course.numbers[name])
        for name in ("gap", "dead")
        if np.isfinite(course.numbers[name]).any()
    )
    before = Panel(
        "before",
        _("Before: the layer's input"),
        "histogram",
        Axis(_("input"), float(course.before_edges[0]), float(course.before_edges[-1])),
        shares,
        course.before_edges,
        (Layer("before", course.before),),
    )
    low, high = float(course.after_edges[0]), float(course.after_edges[-1])
    after = Panel(
        "after",
        _("After: its output"),
        "histogram",
        Axis(_("output"), low, high),
        shares,
        course.after_edges,
        (Layer("after", course.after),),
        zones=_saturating(low, high, _),
        readouts=readouts,
    )
    return Scene(
        "histograms",
        frames=max(len(course.step), 1),
        unit=_("recorded step"),
        rows=(Row((before, after)),),
        captions=captions or [""],
        alt=_("Histograms of the inputs and outputs of {layer}, over {steps} training steps.").format(
            layer=course.layer or "(root)", steps=int(course.step[-1]) if len(course.step) else 0
        ),
        height=300,
        fps=24,
        growing=growing,
    )


def _saturating(low: float, high: float, _: Translate) -> tuple[Zone, ...]:
    """Where tanh would be flat."""
    zones = []
    if low < -SATURATES:
        zones.append(Zone(low, -SATURATES, ""))
    if high > SATURATES:
        zones.append(Zone(SATURATES, high, _("tanh flat")))
    return tuple(zones)


def _top(*shares: Any) -> float:
    """The y axis's end: of the typical tall bin, so that one spike does not flatten the rest."""
    peaks = np.concatenate([part.max(axis=1) for part in shares if part.size] or [np.ones(1)])
    return float(min(max(1.15 * np.quantile(peaks, 0.9), 0.02), 1.0))


def channel_bands(channels: Channels, layer: str, language: Language = "en") -> Chart:
    """Running mean and variance of every channel, the batch's beside them, and the band in which 95 % of the batches should lie."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    for number, sides in enumerate((channels.mean, channels.var)):
        traces += _side(sides, number, _)
    count = len(channels.mean.channel)
    shared = {"range": [-0.6, max(count - 0.4, 0.6)], "showgrid": False, "showticklabels": False, "ticks": ""}
    mean = axis(_("mean"), domain=[0.56, 1], anchor="x")
    low, high = _variance_range(channels.var)
    var = log_axis(_("variance"), low, high, domain=[0, 0.44], anchor="x2")
    notes = [
        key(_("green: running · orange: this batch · grey: where 95 % of the batches should lie")),
        _outside(channels.mean, channels.total, 1.0, _),
        _outside(channels.var, channels.total, 0.44, _),
    ]
    base = layout(axis("", anchor="y", **shared), mean, annotations=notes, margin={"l": 70, "r": 20, "t": 36, "b": 36})
    base |= {
        "xaxis2": axis(_("channels, in the order of their running statistic"), anchor="y2", **shared),
        "yaxis2": var,
    }
    return Chart(
        "channel_bands",
        traces,
        base,
        _channels_alt(channels, layer, _),
        height=380,
        phone_height=420,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 56, "r": 8, "t": 84, "b": 36},
            "annotations": small(notes),
        },
    )


def _side(sides: Sides, number: int, _: Translate) -> list[dict[str, Any]]:
    place: dict[str, Any] = {"xaxis": f"x{number + 1}" if number else "x", "yaxis": f"y{number + 1}" if number else "y"}
    where = np.arange(len(sides.channel))
    hover: dict[str, Any] = {
        "customdata": sides.channel,
        "hovertemplate": _("channel %{customdata}: %{y:.3g}") + "<extra>%{fullData.name}</extra>",
    }
    traces: list[dict[str, Any]] = []
    if sides.low is not None and sides.high is not None:
        # A bar per channel: a ribbon would say something between the channels.
        bar = {
            "type": "bar", "x": where, "base": sides.low, "y": sides.high - sides.low, "width": 0.9,
            "marker": {"color": color("context", 0.45)}, "hoverinfo": "skip", "name": _("predicted band"),
        }  # fmt: skip
        traces.append({**bar, **place})
    traces.append(line(where, sides.running, "running", _("running"), width=2, **place, **hover))
    if sides.batch is not None:
        traces.append(points(where, sides.batch, "before", _("this batch"), size=6, **place, **hover))
    return traces


def _outside(sides: Sides, total: int, top: float, _: Translate) -> dict[str, Any]:
    words = (
        _("no batch was seen")
        if sides.batch is None
        else _("{outside} of {total} outside (expected {expected})").format(
            outside=sides.outside, total=total, expected=short(0.05 * total)
        )
    )
    return note(f"<b>{words}</b>", "ink", xref="paper", yref="paper", x=0.01, y=top, xanchor="left", yanchor="top")


def _variance_range(sides: Sides) -> tuple[float, float]:
    parts = [part for part in (sides.running, sides.batch, sides.low, sides.high) if part is not None]
    seen = np.concatenate(parts)
    seen = seen[np.isfinite(seen) & (seen > 0)]
    if not seen.size:
        return -1.0, 1.0
    low, high = math.log10(float(seen.min())) - 0.1, math.log10(float(seen.max())) + 0.25
    return max(low, high - 8), high


def _channels_alt(channels: Channels, layer: str, _: Translate) -> str:
    return _(
        "Running statistics of {layer} beside those of the batch of step {step}, channel by channel. Outside the band in "
        "which 95 % should lie: {mean} of {total} means, {var} of {total} variances."
    ).format(
        layer=layer or "(root)",
        step=channels.step,
        mean=channels.mean.outside,
        var=channels.var.outside,
        total=channels.total,
    )


def gradient_growth(growth: Growth, chosen: str, language: Language = "en") -> Chart:
    """The gradient at each layer of a row, and the dashed line that theory draws through that of the last layer."""
    _ = translator(language)
    count = len(growth.layers)
    rows = np.arange(count)
    x = growth_axis(growth, _)
    hover: dict[str, Any] = {"text": _gradients(growth, _), "hovertemplate": "%{text}<extra></extra>"}
    traces = [
        theory_line(growth.theory, rows, _("mean-field theory")) | hover,
        line(growth.rms, rows, "after", _("measured"), marker={"size": 8}, **hover),
    ]
    words = key(_("blue: measured · dashed: mean-field theory, from the last layer on"))
    ticks = {side: x[side][:: math.ceil(len(x[side]) / PHONE_TICKS)] for side in ("tickvals", "ticktext")}
    return Chart(
        "gradient_growth",
        traces,
        layout(x, _layer_axis(growth.layers, chosen), annotations=[words], margin={"l": 80, "r": 24, "t": 46, "b": 52}),
        gradient_growth_alt(growth, _),
        height=min(140 + 30 * count, 460),
        phone_height=min(160 + 26 * count, 460),
        phone_layout=phone([words], l=60, r=12, t=62, b=48) | {"xaxis": ticks},
    )


def growth_axis(growth: Growth, _: Translate) -> dict[str, Any]:
    """Of the gradient, a decade at least, so that what hardly grows looks flat."""
    low, high = log_range(np.concatenate([growth.rms, growth.theory]))
    room = max(1.0 - (high - low), 0.0) / 2
    low, high, title = low - room, high + room, _("RMS gradient at the layer's outputs")
    if high - low < 3:
        return log_axis(title, low, high)
    return axis(title, type="log", range=[low, high], **power_ticks(low, high))


def _gradients(growth: Growth, _: Translate) -> list[str]:
    """A line for each layer."""
    words = _("{layer}: {measured}, theory {theory}")
    return [
        words.format(layer=_plain(shortened_name(name) or "(root)"), measured=short(measured), theory=short(theory))
        for name, measured, theory in zip(growth.layers, growth.rms, growth.theory, strict=True)
    ]


def growth_words(growth: Growth, _: Translate) -> str:
    """The growth per layer, measured and predicted."""
    words = _("Towards the input the gradient grows ×{measured} per layer; mean-field theory says ×{theory}.")
    return words.format(measured=short(growth.growth), theory=short(growth.growth_theory))


def growth_conditions(growth: Growth, _: Translate) -> str:
    """Which snapshot it is, and when theory holds."""
    words = _(
        "Snapshot of step {step}, {samples} samples. Theory, from its γ and β, holds for wide layers, a large batch and weights "
        "that are independent of each other, as before training; what departs from it later is the training's."
    )
    return words.format(step=growth.step, samples=growth.samples)


def gradient_growth_alt(growth: Growth, _: Translate) -> str:
    """The picture in words."""
    words = _(
        "RMS gradient at the outputs of {layers} layers, from {first} ({start}) to {last} ({end}), on a log axis."
    )
    told = words.format(
        layers=len(growth.layers),
        first=growth.layers[0] or "(root)",
        last=growth.layers[-1] or "(root)",
        start=short(float(growth.rms[0])),
        end=short(float(growth.rms[-1])),
    )
    return f"{told} {growth_words(growth, _)}"
