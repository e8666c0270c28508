"""Pictures of the topic `poison` of the lab `modes`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.modes.poison.result import Floats, Result
from bnviz.labs.modes.shared.figures import Bar, Label, bars, finite, line_chart
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import alike, short, superscript
from bnviz.plot.primitives import key, line, note, phone, points, vertical_line
from bnviz.plot.theme import Role, axis

CURES: Final = {
    "nothing": N_("no cure"),
    "more_batches": N_("100 more good batches"),
    "momentum_one": N_("momentum = 1, one good batch"),
    "nan_to_num": N_("NaN and Inf replaced by 0 and 1"),
    "reset": "reset_running_stats()",
    "recalibrate": N_("reset and {passes} forward passes"),
}
POISONS: Final = {"nan": "NaN", "inf": "Inf", "huge": "10²⁵", "large": "10⁴"}
LOWEST: Final = 1e-6
CEILING: Final = 40  # exponent of ten above which float32 has nothing more to say


def poison_course(result: Result, language: Language = "en") -> Chart:
    """Test error in train and in eval mode, batch by batch; red crosses where the output is no number."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[Label] = []
    rows: tuple[tuple[str, Floats, Role, float], ...] = (
        (_("train mode"), result.error_train, "after", 92.0),
        (_("eval mode"), result.error_eval, "running", 97.0),
    )
    for name, values, role, height in rows:
        traces.append(line(result.batches, 100 * values, role, name, width=3.5))
        lost = ~np.isfinite(values)
        no_number = _("{name}: {value}").format(name=name, value="NaN")
        if lost.any():
            crosses = result.batches[lost], np.full(int(lost.sum()), height)
            traces.append(points(*crosses, "error", no_number, size=8, symbol="x", hovertemplate=no_number))
        last = float(100 * values[-1])
        finite_last = math.isfinite(last)
        labels.append((f"{name} {short(last)} %", role, last) if finite_last else (no_number, "error", height))
    words = key(_("the same weights and test images in both modes · red crosses: the outputs are NaN"))
    notes = [words, *end_labels(labels, 0.0, 100.0), *_course_notes(result, _)]
    alt = _("Test error while training; batch {number} holds one pixel of {value}. At the end: {parts}.")
    return line_chart(
        "poison_course",
        traces,
        (_batches_axis(result, _), axis(_("Test error in %"), range=[0, 101])),
        notes,
        alt.format(
            number=result.poisoned_at or "–",
            value=value_name(result),
            parts=_("; ").join(text for text, *_rest in labels),
        ),
        margin={"r": 150},
        layout_options={"shapes": _poisoned(result)},
        height=420,
        phone_layout=phone(notes, r=110),
    )


def _course_notes(result: Result, _: Translate) -> list[dict[str, Any]]:
    """Names at the poisoned batch, and at the line of eval mode where it ends there."""
    if not result.poisoned_at:
        return []
    left: dict[str, Any] = {"xanchor": "left"}
    bad = note("<b>" + _("one bad batch") + "</b>", "error", x=result.poisoned_at, y=60, xshift=6, **left)
    middle = result.before // 2
    height = float(100 * result.error_eval[middle])
    if not math.isfinite(height) or math.isfinite(result.error_eval[-1]):
        return [bad]
    text, x = "<b>" + _("eval mode") + "</b>", int(result.batches[middle])
    return [note(text, "running", x=x, xshift=8, y=height, yanchor="bottom", yshift=4, **left), bad]


def poison_cures(result: Result, language: Language = "en") -> Chart:
    """Test error in eval mode after each attempt at a cure."""
    _ = translator(language)
    level = float(result.error_train[result.before])
    rows = []
    told = alike(*(100 * float(error) for error in result.cured_error))
    for cure, error, bad, number in zip(result.cures, result.cured_error, result.cured_bad, told, strict=True):
        well = math.isfinite(error) and error <= level + 0.02
        text = f"{number} %" if math.isfinite(error) else "NaN"
        if bad:
            text += " · " + _("{share} % of the statistics not finite").format(share=short(100 * bad))
        rows.append(Bar(cure_name(cure, result, _), 100 * float(error), text, "after" if well else "before"))
    parts = _("; ").join(row.label + _(": ") + row.text for row in rows)
    return bars(
        "poison_cures",
        rows,
        _("Test error in eval mode afterwards, in %"),
        100.0,
        _("each tried on a copy of the network at the end of the run · red: the outputs are NaN"),
        _("Test error in eval mode after each attempt: {parts}.").format(parts=parts),
    )


def poison_statistics(result: Result, language: Language = "en") -> Chart:
    """Running variance of one unit, batch by batch on a log axis, over what the weight of the bad batch predicts."""
    _ = translator(language)
    measured, expected = _drawable(result.running_var), _drawable(result.expected_var)
    seen = np.concatenate([values[np.isfinite(values)] for values in (measured, expected)])
    low = math.floor(math.log10(float(seen.min()))) - 0.2
    high = max(1.0, math.ceil(math.log10(float(seen.max())))) + 0.6
    name, last = _("running variance"), float(result.running_var[-1])
    traces: list[dict[str, Any]] = [
        line(result.batches, measured, "running", name, width=3.5),
        line(result.batches, expected, "theory", _("theory"), dash="dash", width=2),
    ]
    lost = ~np.isfinite(result.running_var)
    label: Label = (name + _(": ") + word(last), "error", high - 0.3)
    if lost.any():
        crosses = result.batches[lost], np.full(int(lost.sum()), 10.0 ** (high - 0.3))
        traces.append(points(*crosses, "error", _("not finite"), size=8, symbol="x"))
    else:
        shown = float(measured[-1])
        label = (f"{name} {short(shown)}", "running", math.log10(shown))
    words = key(_("first unit of the first layer · dashed: weight of the bad batch times its variance"))
    notes = [words, *end_labels(finite([label]), low, high)]
    exponents = range(math.ceil(low), math.floor(high) + 1, max(1, round((high - low) / 6)))
    ticks = {"tickvals": [10.0**e for e in exponents], "ticktext": [f"10{superscript(e)}" for e in exponents]}
    y = axis(_("Running variance"), type="log", range=[low, high], **ticks)
    return line_chart(
        "poison_statistics",
        traces,
        (_batches_axis(result, _), y),
        notes,
        _("Running variance of one unit of the first layer, {value} at the end.").format(value=word(last)),
        margin={"l": 78},
        layout_options={"shapes": _poisoned(result)},
        phone_layout=phone(notes, r=130),
    )


def cure_name(cure: str, result: Result, _: Translate) -> str:
    """An attempt at a cure in a few words."""
    return _(CURES[cure]).format(passes=result.settings.passes)


def value_name(result: Result) -> str:
    """What the pixel was set to."""
    return POISONS[result.settings.poison]


def word(value: float) -> str:
    """A number that may be none."""
    return "NaN" if math.isnan(value) else short(value)


def _drawable(variance: Floats) -> Floats:
    """`variance` within what the axis can show, NaN where it is not finite."""
    return np.where(np.isfinite(variance), np.clip(variance, LOWEST, 10.0**CEILING), np.nan)


def _poisoned(result: Result) -> list[dict[str, Any]]:
    return [vertical_line(result.poisoned_at, "error")] if result.poisoned_at else []


def _batches_axis(result: Result, _: Translate) -> dict[str, Any]:
    return axis(_("Batches seen"), range=[0, result.settings.steps])
