"""Pictures of the topic `freeze_matrix` of the lab `modes`."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, closed_up, translator
from bnviz.labs.modes.freeze_matrix.result import Result, Way
from bnviz.labs.modes.shared.figures import Bar, bars, line_chart
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import band, key, line, note, phone, points, rectangle, segment
from bnviz.plot.theme import Role, axis, layout

HEADS: Final = {
    "weights": N_("weights"),
    "gamma": "γ",
    "beta": "β",
    "running_mean": N_("running<br>mean"),
    "running_var": N_("running<br>variance"),
    "num_batches_tracked": N_("batches<br>counted"),
    "features": N_("what the<br>body says"),
}
PARAMETERS: Final = ("weights", "gamma", "beta")
SWITCHES: Final = ("requires_<br>grad", N_("mode of<br>the norms"), "track_<br>running_<br>stats")
FIRST: Final = len(SWITCHES)
PALE: Final = 0.5
"""Opacity of a tile whose colour is too light for words in that of the page, and too dark for ink."""
PHONE_CELLS: Final = {"l": 2, "r": 38, "t": 96, "b": 56}
SHORT_FORMS: Final = {
    "eval()→train()": "e→t",
    "→ False": "→F",
    "True": "T",
    "False": "F",
    "eval()": "eval",
    "train()": "train",
}


def freeze_cells(result: Result, language: Language = "en") -> Chart:
    """The matrix: one row per way of freezing, one column per thing that may move; coloured where it moved."""
    _ = translator(language)
    last = len(result.ways) - 1
    cells, tiles, hover = _cells(result, _)
    rule = segment((-0.5, FIRST + len(HEADS) - 0.5), (1.5, 1.5), "context", 1)
    words = _(
        "blue: moved by the optimizer · green: by the forward pass · orange: what it changes in eval mode, in s.d."
    )
    below = {"xref": "paper", "x": 0, "yref": "paper", "y": 0, "xanchor": "left", "yanchor": "top", "align": "left"}
    heads = [_(text) for text in (*SWITCHES, *(HEADS[quantity] for quantity in result.quantities))]
    columns = list(range(len(heads)))
    bold = {"tickvals": columns, "ticktext": [f"<b>{head}</b>" for head in heads], "showline": False}
    x_axis = axis("", range=[-0.5, columns[-1] + 0.5], side="top", showgrid=False, ticks="", tickangle=0, **bold)
    x_axis["tickfont"] = {"size": 13}
    y_axis = axis("", range=[-0.5, last + 0.5], showgrid=False, showticklabels=False, ticks="", showline=False)
    narrow = [{**entry, "font": {**entry["font"], "size": 10}, "text": _narrow(entry["text"])} for entry in cells]
    narrow.append(note(words.replace(" · ", "<br>"), "context", yshift=-4, **below))
    one_line = [closed_up(head.replace("_<br>", "_").replace("<br>", " ")) for head in heads]
    phone_axis = {"tickangle": -60, "automargin": False, "tickfont": {"size": 10}, "ticktext": one_line}
    options = {
        "annotations": [*cells, note(words, "context", yshift=-4, **below)],
        "shapes": [*tiles, rule],
        "margin": {"l": 8, "r": 8, "t": 64, "b": 30},
    }
    rows = _("; ").join(_row_words(result, row, _) for row in range(len(result.ways)))
    return Chart(
        "freeze_cells",
        [hover],
        layout(x_axis, y_axis, **options),
        _("What moved in the body in {steps} steps of fine-tuning. {rows}.").format(
            steps=result.settings.steps, rows=rows
        ),
        height=425,
        phone_height=480,
        phone_layout={"font": {"size": 10}, "margin": PHONE_CELLS, "annotations": narrow, "xaxis": phone_axis},
    )


def _cells(result: Result, _: Translate) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Words, coloured tiles, and the points to hover over."""
    notes: list[dict[str, Any]] = []
    tiles: list[dict[str, Any]] = []
    hover: list[tuple[int, int, str]] = []
    for row, way in enumerate(result.ways):
        y = len(result.ways) - 1 - row
        for column, text in enumerate(_switches(way, _)):
            notes.append(note(text, "ink" if text in {"False", "eval()"} or "→" in text else "context", x=column, y=y))
        for column, quantity in enumerate(result.quantities):
            value, moved = float(result.change[row, column]), bool(result.moved[row, column])
            role, opacity, text = _cell(quantity, value, _, moved=moved)
            x = FIRST + column
            if math.isfinite(value):
                tiles.append(rectangle((x - 0.46, x + 0.46), (y - 0.43, y + 0.43), role, opacity))
            inked: Role = "ink" if opacity == PALE else "paper" if moved else "context"
            notes.append(note(text, inked, x=x, y=y))
            hover.append((x, y, closed_up((_(HEADS[quantity]) + _(": ") + text).replace("<br>", " "))))
    columns, rows, texts = (list(values) for values in zip(*hover, strict=True))
    marks: dict[str, Any] = {
        "marker": {"size": 20, "opacity": 0},
        "customdata": texts,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return notes, tiles, points(columns, rows, "ink", "", **marks)


def freeze_forgetting(result: Result, language: Language = "en") -> Chart:
    """Error on the old digits with the old last layer on the fine-tuned body, against the error before."""
    _ = translator(language)
    before = 100 * result.error_before
    rows = []
    *told, told_before = alike(*(100 * float(error) for error in result.error_old), before)
    for way, error, text in zip(result.ways, result.error_old, told, strict=True):
        role: Role = "before" if error > result.error_before else "after"
        percent = 100 * float(error)
        rows.append(Bar(way_name(way, _), percent, f"{text} %", role, before))
    alt = _("Error on the old digits after the body was fine-tuned on others: {parts}. Before: {before} %.")
    return bars(
        "freeze_forgetting",
        rows,
        _("Wrong on the old digits 0 to 4 in %, old last layer, eval mode"),
        100.0,
        _("dashed: before the fine-tuning, {before} %").format(before=told_before),
        alt.format(parts=_("; ").join(row.label + _(": ") + row.text for row in rows), before=told_before),
        row_height=34,
    )


def freeze_drift(result: Result, language: Language = "en") -> Chart:
    """How far the frozen first layer's running means have gone to the means of the new images, over 1 − (1 − α)^t."""
    _ = translator(language)
    steps = np.arange(result.settings.steps + 1)
    error = np.nan_to_num(result.drift_error)
    margin = band(steps, result.drift_theory - 2 * error, result.drift_theory + 2 * error, "theory", 0.1)
    traces = [
        {**margin, "y": 100 * np.asarray(margin["y"])},
        line(steps, 100 * result.drift, "before", _("measured"), width=3.5),
        line(steps, 100 * result.drift_theory, "theory", _("theory"), dash="dash", width=2),
    ]
    notes = [key(_("weights frozen, train mode · dashed: 1 − (1 − α)ᵗ ± 2 standard errors of the batch means"))]
    alt = _(
        "The running means of the frozen first layer have gone {measured} % of the way to the new images' means after {steps} "
        "steps; theory says {theory} %."
    ).format(
        measured=short(100 * float(result.drift[-1])),
        steps=result.settings.steps,
        theory=short(100 * float(result.drift_theory[-1])),
    )
    x = axis(_("Fine-tuning steps"), range=[0, result.settings.steps])
    y = axis(_("Way to the new images' means in %"), range=[-5, 125])
    return line_chart("freeze_drift", traces, (x, y), notes, alt, margin={"r": 24}, phone_layout=phone(notes, r=16))


def way_name(way: Way, _: Translate) -> str:
    """A way of freezing in a few words."""
    words = [] if way.requires_grad else ["requires_grad=False"]
    if way.eval_mode:
        words.append("eval()")
    if way.afterwards == "train":
        words.append(_("then train()"))
    if not way.track_running_stats:
        words.append("track=False")
    elif way.afterwards == "untracked":
        words.append(_("track=False set later"))
    return " + ".join(words) or _("nothing frozen")


def _switches(way: Way, _: Translate) -> tuple[str, str, str]:
    mode = "eval()" if way.eval_mode else "train()"
    track = str(way.track_running_stats)
    return (
        str(way.requires_grad),
        "eval()→train()" if way.afterwards == "train" else mode,
        "→ False" if way.afterwards == "untracked" else track,
    )


def _narrow(text: str) -> str:
    """Switches and shares as a phone shows them."""
    rounded = re.sub(r"([\d.]+) %", lambda share: f"{float(share[1]):.0f}%", text)
    return SHORT_FORMS.get(text, rounded)


def _cell(quantity: str, value: float, _: Translate, *, moved: bool) -> tuple[Role, float, str]:
    """Colour, opacity and words of a cell."""
    if not math.isfinite(value):
        return "context", 0.0, _("none") if not moved else "NaN"
    if not moved:
        return "context", 0.16, _("same")
    role: Role = "after" if quantity in PARAMETERS else "before"
    if quantity == "num_batches_tracked":
        return "running", 1.0, f"<b>+{value:.0f}</b>"
    if quantity == "features":
        return "before", PALE, f"<b>{value:.2f} σ</b>" if value else "<b>0 σ</b>"
    share = f"{short(100 * value)} %" if value < 10 else f"×{short(value)}"
    return ("running" if quantity.startswith("running") else role), 1.0, f"<b>{share}</b>"


def _row_words(result: Result, row: int, _: Translate) -> str:
    names = [
        closed_up(_(HEADS[quantity]).replace("<br>", " "))
        for quantity, moved in zip(result.quantities, result.moved[row], strict=True)
        if moved
    ]
    return way_name(result.ways[row], _) + _(": ") + (_(", ").join(names) or _("nothing"))
