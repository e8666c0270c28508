"""Pictures of the lab `folding`; each takes its `Result`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.folding.mistakes import NAMES, predicted, predicted_by_channel, scales
from bnviz.labs.folding.result import DTYPES, INT8, Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import (
    key,
    line,
    log_axis,
    log_range,
    phone,
    points,
    power_ticks,
    segment,
    theory_line,
    vertical_line,
)
from bnviz.plot.theme import Role, axis, layout
from bnviz.theory.folding import UNIT_ROUNDOFF

FLOOR: Final = 1e-17  # what is smaller is drawn here: an error of 0 has no place on a log axis
LEFT: Final = 1e-5  # what is larger has its number on its left, where a phone has room
HIGHEST: Final = 2.0  # exponent at which the axis of errors ends
INT8_NAMES: Final = {"per_channel": N_("int8, scale per channel"), "per_tensor": N_("int8, one scale")}
INT8_SHORT: Final = {"per_channel": N_("a scale per channel"), "per_tensor": N_("one scale for all")}
INT8_ROLES: Final[dict[str, Role]] = {"per_channel": "after", "per_tensor": "before"}
MATTERS: Final = 0.01  # of a channel's output: rounding below it is said not to matter
SYMBOLS: Final = (
    "x",
    "circle-open",
    "diamond-open",
    "triangle-up-open",
    "square-open",
)  # of the mistakes, in their order


class _Row(NamedTuple):
    """One folding in the first picture: its name, its relative error, what theory says (None: nothing), whether it is a mistake."""

    name: str
    value: float
    theory: float | None
    wrong: bool


def errors(result: Result, language: Language = "en") -> Chart:
    """Relative error of every folding on one log axis, row by row: four dtypes, int8, and the mistakes in red, with their theory."""
    _ = translator(language)
    rows = _rows(result, _)
    places = range(len(rows), 0, -1)
    shapes = [
        segment((max(row.theory, FLOOR),) * 2, (y - 0.36, y + 0.36), "theory", 2, "dash")
        for row, y in zip(rows, places, strict=True)
        if row.theory is not None
    ]
    low = float(np.log10(FLOOR)) - 0.3
    ticks = {"tickvals": list(places), "ticktext": [row.name for row in rows]}
    title = _("relative difference of the outputs")
    notes = [key(_("dashed: rounding of one number · at a cross: closed form"))]
    return Chart(
        "errors",
        [_marks(rows, places, False, _("right")), _marks(rows, places, True, _("wrong"))],
        layout(
            axis(title, type="log", range=[low, HIGHEST], **power_ticks(low, HIGHEST)),
            axis("", range=[0.4, len(rows) + 0.6], showgrid=False, **ticks),
            annotations=notes,
            shapes=shapes,
            margin={"l": 64, "r": 24, "t": 40, "b": 52},
        ),
        _errors_alt(result, _),
        height=440,
        phone_height=420,
        phone_layout=phone(notes, r=14, t=72),
    )


def _rows(result: Result, _: Translate) -> list[_Row]:
    known = predicted(result)
    return [
        *(_Row(name, result.relative_error[name], UNIT_ROUNDOFF[name], wrong=False) for name in DTYPES),
        *(_Row(_(INT8_NAMES[name]), result.int8[name], None, wrong=False) for name in INT8),
        *(_Row(_(NAMES[name]), value, known.get(name), wrong=True) for name, value in result.wrong.items()),
    ]


def _marks(rows: Sequence[_Row], places: Sequence[int], wrong: bool, name: str) -> dict[str, Any]:
    """The points of the right or of the `wrong` foldings, each with its number beside it."""
    chosen = [(row.value, y) for row, y in zip(rows, places, strict=True) if row.wrong == wrong]
    return points(
        [max(value, FLOOR) for value, _y in chosen],
        [y for _value, y in chosen],
        "error" if wrong else "after",
        name,
        size=15,
        symbol="x" if wrong else "circle",
        mode="markers+text",
        text=[f"  {short(value)}  " for value, _y in chosen],
        textposition=["middle left" if value > LEFT else "middle right" for value, _y in chosen],
        cliponaxis=False,
        hovertemplate="%{x:.3g}",
    )


def weights(result: Result, language: Language = "en") -> Chart:
    """Largest |weight| of every channel before and after folding, on a log axis, over what the factor |γ|/√(v + ε) makes of it."""
    _ = translator(language)
    channels = np.arange(result.settings.channels)
    expected = np.abs(scales(result)) * result.largest_before
    traces = [
        points(channels, result.largest_before, "before", _("before"), size=12),
        points(channels, result.largest_after, "after", _("folded"), size=12),
        *_dashes(channels, expected, _("theory")),
    ]
    low, high = log_range(np.concatenate((result.largest_before, result.largest_after)))
    notes = [key(_("orange: layer before batch norm · blue: folded layer · dashed: times |γ|/√(v + ε)"))]
    return Chart(
        "weights",
        traces,
        layout(
            _channel_axis(result, _),
            log_axis(_("largest |weight|"), low, high),
            annotations=notes,
            shapes=[vertical_line(result.settings.channel, "context")],
        ),
        _("Largest weight of every channel before and after folding. Channel {channel}: {before} and {after}.").format(
            channel=result.settings.channel,
            before=short(float(result.largest_before[result.settings.channel])),
            after=short(float(result.largest_after[result.settings.channel])),
        ),
        height=340,
        phone_layout=phone(notes, r=14, t=84),
    )


def int8(result: Result, language: Language = "en") -> Chart:
    """Error of every channel with weights rounded to int8, as a share of its own output, with a scale per channel and with one for all."""
    _ = translator(language)
    channels = np.arange(result.settings.channels)
    every = np.concatenate([result.int8_by_channel[name] for name in INT8])
    traces = [
        points(channels, result.int8_by_channel[name], INT8_ROLES[name], _(INT8_SHORT[name]), size=size)
        for name, size in (("per_tensor", 15), ("per_channel", 9))
    ]
    low, high = log_range(np.append(every, MATTERS))
    notes = [key(_("blue: a scale per channel · orange: one scale for all · grey: 1 % of the channel's output"))]
    return Chart(
        "int8",
        [*traces, line([-0.5, len(channels) - 0.5], [MATTERS] * 2, "context", "", width=1.5, dash="dot")],
        layout(
            _channel_axis(result, _), log_axis(_("error, share of the channel's output"), low, high), annotations=notes
        ),
        _int8_alt(result, _),
        height=340,
        phone_layout=phone(notes, r=14, t=84),
    )


def mistakes(result: Result, language: Language = "en") -> Chart:
    """What each mistake does to every channel, measured against the closed form, on log axes: exact where the points lie on the line."""
    _ = translator(language)
    known = predicted_by_channel(result)
    traces = [
        points(known[name], result.wrong_by_channel[name], "error", _(NAMES[name]), size=10, symbol=symbol)
        for name, symbol in zip(known, SYMBOLS, strict=False)
    ]
    every = np.concatenate([*known.values(), *(result.wrong_by_channel[name] for name in known)])
    low, high = log_range(every)
    traces.append(theory_line([10**low, 10**high], [10**low, 10**high], _("theory")))
    ends = {"range": [low, high], "type": "log", **power_ticks(low, high, 5)}
    notes = [key(_("one mark per channel and mistake · dashed: measured = predicted"))]
    return Chart(
        "mistakes",
        traces,
        layout(
            axis(_("predicted difference of the outputs"), **ends),
            axis(_("measured"), **ends),
            annotations=notes,
            showlegend=True,
            legend={"x": 0.02, "y": 0.98},
        ),
        _("Difference that each mistake makes, channel by channel, measured and by closed form. {parts}.").format(
            parts=_mistakes_alt(result, _)
        ),
        height=380,
        phone_layout=phone(notes, r=14, t=72),
    )


def outputs(result: Result, language: Language = "en") -> Chart:
    """Outputs of the chosen channel: folded against layer and batch norm, rightly on the dashed line, wrongly beside it."""
    _ = translator(language)
    x = result.apart
    traces = [
        points(x, result.folded[name], "error", _(NAMES[name]), size=5, symbol=symbol, opacity=0.6)
        for name, symbol in zip(result.wrong, SYMBOLS, strict=False)
    ]
    traces.append(points(x, result.folded["right"], "after", _("folded rightly"), size=7))
    ends = [float(x.min()), float(x.max())]
    traces.append(theory_line(ends, ends, _("theory")))
    notes = [key(_("channel {channel} · dashed: equal").format(channel=result.settings.channel))]
    return Chart(
        "outputs",
        traces,
        layout(
            axis(_("layer, then batch norm")),
            axis(_("folded layer")),
            annotations=notes,
            showlegend=True,
            legend={"x": 0.02, "y": 0.98},
        ),
        _(
            "Outputs of channel {channel} both ways: folded rightly they are equal; with a mistake they lie beside the line."
        ).format(channel=result.settings.channel),
        height=380,
        phone_layout=phone(notes, r=14, t=72),
    )


def _dashes(channels: Any, values: Floats, name: str) -> list[dict[str, Any]]:
    """A short dashed line at each channel's predicted value."""
    x = np.column_stack((channels - 0.35, channels + 0.35, np.full(len(channels), np.nan))).ravel()
    return [theory_line(x, np.repeat(values, 3), name)]


def _channel_axis(result: Result, _: Translate) -> dict[str, Any]:
    count = result.settings.channels
    return axis(_("channel"), range=[-0.6, count - 0.4], dtick=1 if count <= 16 else 4, showgrid=False)


def _mistakes_alt(result: Result, _: Translate) -> str:
    return _("; ").join(_(NAMES[name]) + _(": ") + short(value) for name, value in result.wrong.items())


def _errors_alt(result: Result, _: Translate) -> str:
    return _(
        "Relative error of the folded layer's outputs: {dtypes}. With weights in int8: {per_channel} with a scale per channel, "
        "{per_tensor} with one. With a mistake: {mistakes}."
    ).format(
        dtypes=_(", ").join(f"{name} {short(result.relative_error[name])}" for name in DTYPES),
        per_channel=short(result.int8["per_channel"]),
        per_tensor=short(result.int8["per_tensor"]),
        mistakes=_mistakes_alt(result, _),
    )


def _int8_alt(result: Result, _: Translate) -> str:
    worst = {name: float(result.int8_by_channel[name].max()) for name in INT8}
    told = _(
        "Weights in int8, worst channel: {per_channel} % with a scale per channel, {per_tensor} % with one scale."
    ).format(per_channel=short(100 * worst["per_channel"]), per_tensor=short(100 * worst["per_tensor"]))
    if worst["per_tensor"] < 2 * max(worst["per_channel"], MATTERS):
        return told + " " + _("No difference here that would matter.")
    return told + " " + _("Here one scale for all is too coarse for the channels with small weights.")
