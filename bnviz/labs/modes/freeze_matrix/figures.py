"""Pictures of the topic `freeze_matrix` of the lab `modes`; each takes a `FreezeResult`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.modes.shared.figures import Bar, bars, phone
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, note
from bnviz.plot.theme import Role, axis, color, layout

if TYPE_CHECKING:
    from bnviz.labs.modes.freeze_matrix.experiment import FreezeResult, Way

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
FIRST: Final = 3  # columns of switches


def freeze_cells(result: FreezeResult, language: Language = "en") -> Chart:
    """The matrix: one row per way of freezing, one column per thing that may move; coloured where it moved."""
    _ = translator(language)
    last = len(result.ways) - 1
    notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    hover: list[tuple[float, float, str]] = []
    for row, way in enumerate(result.ways):
        y = last - row
        for column, text in enumerate(_switches(way, _)):
            notes.append(note(text, "ink" if text in {"False", "eval()"} or "→" in text else "context", x=column, y=y))
        for column, quantity in enumerate(result.quantities):
            value, moved = float(result.change[row, column]), bool(result.moved[row, column])
            role, opacity, text = _cell(quantity, value, _, moved=moved)
            x = FIRST + column
            if math.isfinite(value):
                shapes.append(_tile(x, y, role, opacity))
            notes.append(note(text, "paper" if moved else "context", x=x, y=y))
            hover.append((x, y, f"{_(HEADS[quantity])}: {text}".replace("<br>", " ")))
    shapes.append(
        {"type": "line", "x0": -0.5, "x1": FIRST + len(HEADS) - 0.5, "y0": 1.5, "y1": 1.5, "line": {"color": color("context"), "width": 1}}
    )  # fmt: skip
    words = _(
        "blue: moved by the optimizer · green: by the forward pass · orange: what it changes in eval mode, in s.d."
    )
    below = {"xref": "paper", "x": 0, "yref": "paper", "y": 0, "xanchor": "left", "yanchor": "top", "align": "left"}
    heads = [_(text) for text in (*SWITCHES, *(HEADS[quantity] for quantity in result.quantities))]
    columns = list(range(len(heads)))
    trace = {
        "type": "scatter", "mode": "markers", "x": [x for x, *_rest in hover], "y": [y for _x, y, _text in hover],
        "marker": {"size": 20, "opacity": 0}, "customdata": [text for *_rest, text in hover], "name": "",
        "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    bold = {"tickvals": columns, "ticktext": [f"<b>{head}</b>" for head in heads], "showline": False}
    x_axis = axis("", range=[-0.5, columns[-1] + 0.5], side="top", showgrid=False, ticks="", tickangle=0, **bold)
    x_axis["tickfont"] = {"size": 13}
    y_axis = axis("", range=[-0.5, last + 0.5], showgrid=False, showticklabels=False, ticks="", showline=False)
    told = [_row_words(result, row, _) for row in range(len(result.ways))]
    cells = notes
    notes = [*cells, note(words, "context", yshift=-4, **below)]
    narrow = [{**entry, "font": {**entry["font"], "size": 10}, "text": _narrow(entry["text"])} for entry in cells]
    narrow.append(note(words.replace(" · ", "<br>"), "context", yshift=-4, **below))
    return Chart(
        "freeze_cells",
        [trace],
        layout(x_axis, y_axis, annotations=notes, shapes=shapes, margin={"l": 8, "r": 8, "t": 64, "b": 30}),
        _("What moved in the body in {steps} steps of fine-tuning. {rows}.").format(
            steps=result.settings.steps, rows="; ".join(told)),
        height=425,
        phone_height=480,
        phone_layout={
            "font": {"size": 10}, "margin": {"l": 2, "r": 38, "t": 96, "b": 56}, "annotations": narrow,
            "xaxis": {"tickangle": -60, "automargin": False, "tickfont": {"size": 10},
                      "ticktext": [head.replace("_<br>", "_").replace("<br>", " ") for head in heads]},
        },
    )  # fmt: skip


def freeze_forgetting(result: FreezeResult, language: Language = "en") -> Chart:
    """Error on the old digits with the old last layer on the fine-tuned body, against the error before."""
    _ = translator(language)
    rows = [
        Bar(
            way_name(way, _), 100 * float(error), f"{short(100 * float(error))} %",
            "before" if error > result.error_before else "after", 100 * result.error_before,
        )
        for way, error in zip(result.ways, result.error_old, strict=True)
    ]  # fmt: skip
    parts = "; ".join(f"{row.label}: {row.text}" for row in rows)
    return bars(
        "freeze_forgetting", rows, _("Wrong on the old digits 0 to 4 in %, old last layer, eval mode"), 100.0,
        _("dashed: before the fine-tuning, {before} %").format(before=short(100 * result.error_before)),
        _("Error on the old digits after the body was fine-tuned on others: {parts}. Before: {before} %.").format(
            parts=parts, before=short(100 * result.error_before)),
        row_height=34,
    )  # fmt: skip


def freeze_drift(result: FreezeResult, language: Language = "en") -> Chart:
    """How far the frozen first layer's running means have gone to the means of the new images, over 1 − (1 − α)^t."""
    _ = translator(language)
    steps = np.arange(result.settings.steps + 1)
    error = np.nan_to_num(result.drift_error)
    traces = [
        band(steps, result.drift_theory - 2 * error, result.drift_theory + 2 * error, "theory", 0.1),
        line(steps, 100 * result.drift, "before", _("measured"), width=3.5),
        line(steps, 100 * result.drift_theory, "theory", _("theory"), dash="dash", width=2),
    ]
    traces[0]["y"] = 100 * np.asarray(traces[0]["y"])
    notes = [key(_("weights frozen, train mode · dashed: 1 − (1 − α)ᵗ ± 2 standard errors of the batch means"))]
    return Chart(
        "freeze_drift",
        traces,
        layout(
            axis(_("Fine-tuning steps"), range=[0, result.settings.steps]),
            axis(_("Way to the new images' means in %"), range=[-5, 125]),
            annotations=notes, margin={"l": 64, "r": 24, "t": 40, "b": 52},
        ),
        _("The running means of the frozen first layer have gone {measured} % of the way to the new images' means after {steps} "
          "steps; theory says {theory} %.").format(measured=short(100 * float(result.drift[-1])), steps=result.settings.steps,
                                                   theory=short(100 * float(result.drift_theory[-1]))),
        height=380,
        phone_layout=phone(notes, r=16),
    )  # fmt: skip


def way_name(way: Way, _: Translate) -> str:
    """A way of freezing in a few words."""
    parts = [] if way.requires_grad else ["requires_grad=False"]
    if way.eval_mode:
        parts.append("eval()")
    if way.afterwards == "train":
        parts.append(_("then train()"))
    if not way.track_running_stats:
        parts.append("track=False")
    elif way.afterwards == "untracked":
        parts.append(_("track=False set later"))
    return " + ".join(parts) or _("nothing frozen")


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
    short_forms = {
        "eval()→train()": "e→t", "→ False": "→F", "True": "T", "False": "F", "eval()": "eval", "train()": "train",
    }  # fmt: skip
    rounded = re.sub(r"([\d.]+) %", lambda share: f"{float(share[1]):.0f}%", text)
    return short_forms.get(text, rounded)


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
        return "before", 1.0, f"<b>{short(round(value, 2))} σ</b>"
    share = f"{short(100 * value)} %" if value < 10 else f"×{short(value)}"
    return ("running" if quantity.startswith("running") else role), 1.0, f"<b>{share}</b>"


def _tile(x: float, y: float, role: Role, opacity: float) -> dict[str, Any]:
    return {
        "type": "rect", "x0": x - 0.46, "x1": x + 0.46, "y0": y - 0.43, "y1": y + 0.43, "layer": "below",
        "fillcolor": color(role, opacity), "line": {"width": 0},
    }  # fmt: skip


def _row_words(result: FreezeResult, row: int, _: Translate) -> str:
    names = [
        _(HEADS[quantity]).replace("<br>", " ")
        for quantity, moved in zip(result.quantities, result.moved[row], strict=True)
        if moved
    ]
    return f"{way_name(result.ways[row], _)}: {', '.join(names) or _('nothing')}"
