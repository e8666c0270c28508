"""Pictures of the topic `poison` of the lab `modes`; each takes a `PoisonResult`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.modes.gap.figures import finite
from bnviz.labs.modes.shared.figures import MARGIN, Bar, bars, phone
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short, superscript
from bnviz.plot.primitives import key, line, note, points
from bnviz.plot.theme import Role, axis, color, layout

if TYPE_CHECKING:
    from bnviz.labs.modes.poison.experiment import PoisonResult

Floats = NDArray[np.float64]

CURES: Final = {
    "nothing": N_("no cure"),
    "more_batches": N_("100 more good batches"),
    "momentum_one": N_("momentum = 1, one good batch"),
    "nan_to_num": N_("NaN and Inf replaced by 0 and 1"),
    "reset": "reset_running_stats()",
    "recalibrate": N_("reset and {passes} forward passes"),
}
CEILING: Final = 40  # exponent of ten above which float32 has nothing more to say


def poison_course(result: PoisonResult, language: Language = "en") -> Chart:
    """Test error in train and in eval mode, batch by batch; red crosses where the output is no number."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    rows: tuple[tuple[str, Floats, Role], ...] = (
        (_("train mode"), result.error_train, "after"),
        (_("eval mode"), result.error_eval, "running"),
    )
    for name, values, role in rows:
        traces.append(line(result.batches, 100 * values, role, name, width=3.5))
        lost = ~np.isfinite(values)
        told = _("{name}: {value}").format(name=name, value="NaN")
        height = 97.0 if role == "running" else 92.0
        if lost.any():
            traces.append(
                points(result.batches[lost], np.full(int(lost.sum()), height), "error", told, size=8, symbol="x",
                       hovertemplate=told)
            )  # fmt: skip
        end = float(100 * values[-1])
        if math.isfinite(end):
            labels.append((f"{name} {short(end)} %", role, end))
        else:
            labels.append((told, "error", height))
    notes = [
        key(_("the same weights and test images in both modes · red crosses: the answers are NaN")),
        *end_labels(labels, 0.0, 100.0),
    ]
    shapes = []
    if result.poisoned_at:
        shapes.append(_poisoned(result))
        middle = result.before // 2
        if math.isfinite(result.error_eval[middle]) and not math.isfinite(result.error_eval[-1]):
            notes.append(
                note("<b>" + _("eval mode") + "</b>", "running", x=int(result.batches[middle]), xanchor="left", xshift=8,
                     y=float(100 * result.error_eval[middle]), yanchor="bottom", yshift=4)
            )  # fmt: skip
        notes.append(
            note("<b>" + _("one bad batch") + "</b>", "error", x=result.poisoned_at, y=60, xanchor="left", xshift=6)
        )
    parts = "; ".join(text for text, *_rest in labels)
    return Chart(
        "poison_course",
        traces,
        layout(_batches_axis(result, _), axis(_("Test error in %"), range=[0, 101]), annotations=notes, shapes=shapes,
               margin={**MARGIN, "r": 150}),
        _("Test error while training; batch {number} holds one pixel of {value}. At the end: {parts}.").format(
            number=result.poisoned_at or "–", value=value_name(result), parts=parts),
        height=420,
        phone_layout=phone(notes, r=110),
    )  # fmt: skip


def poison_cures(result: PoisonResult, language: Language = "en") -> Chart:
    """Test error in eval mode after each attempt at a cure."""
    _ = translator(language)
    level = float(result.error_train[result.before])
    rows = []
    for place, cure in enumerate(result.cures):
        error, bad = float(result.cured_error[place]), float(result.cured_bad[place])
        well = math.isfinite(error) and error <= level + 0.02
        text = f"{short(100 * error)} %" if math.isfinite(error) else "NaN"
        if bad:
            text += " · " + _("{share} % of the statistics not finite").format(share=short(100 * bad))
        rows.append(Bar(cure_name(cure, result, _), 100 * error, text, "after" if well else "before"))
    return bars(
        "poison_cures", rows, _("Test error in eval mode afterwards, in %"), 100.0,
        _("each tried on a copy of the network at the end of the run · red: the answers are NaN"),
        _("Test error in eval mode after each attempt: {parts}.").format(
            parts="; ".join(f"{row.label}: {row.text}" for row in rows)),
    )  # fmt: skip


def poison_statistics(result: PoisonResult, language: Language = "en") -> Chart:
    """Running variance of one unit, batch by batch on a log axis, over what the weight of the bad batch predicts."""
    _ = translator(language)
    limit = 10.0**CEILING
    measured = np.where(np.isfinite(result.running_var), np.clip(result.running_var, 1e-6, limit), np.nan)
    expected = np.where(np.isfinite(result.expected_var), np.clip(result.expected_var, 1e-6, limit), np.nan)
    seen = np.concatenate([measured[np.isfinite(measured)], expected[np.isfinite(expected)]])
    low = math.floor(math.log10(float(seen.min()))) - 0.2
    high = max(1.0, math.ceil(math.log10(float(seen.max())))) + 0.6
    traces: list[dict[str, Any]] = [
        line(result.batches, measured, "running", _("running variance"), width=3.5),
        line(result.batches, expected, "theory", _("theory"), dash="dash", width=2),
    ]
    lost = ~np.isfinite(result.running_var)
    labels: list[tuple[str, Role, float]] = []
    if lost.any():
        traces.append(
            points(result.batches[lost], np.full(int(lost.sum()), 10.0 ** (high - 0.3)), "error", _("not finite"), size=8,
                   symbol="x")
        )  # fmt: skip
        labels.append((_("running variance") + f": {word(float(result.running_var[-1]))}", "error", high - 0.3))
    else:
        value = float(measured[-1])
        labels.append((_("running variance") + f" {short(value)}", "running", math.log10(value)))
    notes = [
        key(_("first unit of the first layer · dashed: weight of the bad batch times its variance")),
        *end_labels(finite(labels), low, high),
    ]
    step = max(1, round((high - low) / 6))
    exponents = range(math.ceil(low), math.floor(high) + 1, step)
    y = axis(_("Running variance"), type="log", range=[low, high], tickvals=[10.0**e for e in exponents],
             ticktext=[f"10{superscript(e)}" for e in exponents])  # fmt: skip
    return Chart(
        "poison_statistics",
        traces,
        layout(_batches_axis(result, _), y, annotations=notes, shapes=[_poisoned(result)] if result.poisoned_at else [],
               margin={**MARGIN, "l": 78}),
        _("Running variance of one unit of the first layer, {value} at the end.").format(
            value=word(float(result.running_var[-1]))),
        height=380,
        phone_layout=phone(notes, r=130),
    )  # fmt: skip


def cure_name(cure: str, result: PoisonResult, _: Translate) -> str:
    """An attempt at a cure in a few words."""
    return _(CURES[cure]).format(passes=result.settings.passes)


def value_name(result: PoisonResult) -> str:
    """What the pixel was set to."""
    return {"nan": "NaN", "inf": "Inf", "huge": "10²⁵", "large": "10⁴"}[result.settings.poison]


def word(value: float) -> str:
    """A number that may be none."""
    return "NaN" if math.isnan(value) else short(value)


def _poisoned(result: PoisonResult) -> dict[str, Any]:
    return {
        "type": "line", "x0": result.poisoned_at, "x1": result.poisoned_at, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": color("error"), "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def _batches_axis(result: PoisonResult, _: Translate) -> dict[str, Any]:
    return axis(_("Batches seen"), range=[0, result.settings.steps])
