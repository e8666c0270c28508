"""Pictures of the topic `influence` of the lab `modes`; each takes an `InfluenceResult`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.modes.shared.figures import phone
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, largest, line, note, points
from bnviz.plot.theme import axis, color, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name

if TYPE_CHECKING:
    from bnviz.labs.modes.influence.experiment import InfluenceResult

Floats = NDArray[np.float64]

STRONGEST: Final = "series_1"


def influence_matrices(result: InfluenceResult, language: Language = "en") -> Chart:
    """Sample × sample: how strongly each output answers to each input, one panel per normalizer; blank is exactly zero."""
    _ = translator(language)
    size = result.influence.shape[1]
    count = len(result.normalizers)
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    numbers = np.arange(1, size + 1)
    for place, normalizer in enumerate(result.normalizers):
        suffix = "" if place == 0 else str(place + 1)
        block = result.influence[place]
        scaled = block / max(largest(block), 1e-30)
        traces.append(
            {
                "type": "heatmap", "x": numbers, "y": numbers, "z": np.where(block > 0, scaled, np.nan), "xgap": 1.5, "ygap": 1.5,
                "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "coloraxis": "coloraxis", "hoverongaps": False,
                "name": normalizer_name(normalizer, _),
                "hovertemplate": _("output {output}, input {input}: {value}").format(
                    output="%{y}", input="%{x}", value="%{z:.2g}"),
            }
        )  # fmt: skip
        wide = [place / count + 0.012, (place + 1) / count - 0.012]
        column, row = place % 2, place // 2
        half = [[0.0, 0.46], [0.54, 1.0]]
        tall = [[0.58, 1.0], [0.0, 0.42]][row]
        ticks = _ticks(size)
        axes[f"xaxis{suffix}"] = axis(_("whose image") if place == 0 else "", domain=wide, anchor=f"y{suffix}", showgrid=False,
                                      range=[0.5, size + 0.5], tickvals=ticks)  # fmt: skip
        axes[f"yaxis{suffix}"] = axis(_("whose answer") if place == 0 else "", anchor=f"x{suffix}", showgrid=False,
                                      range=[size + 0.5, 0.5], tickvals=ticks if place == 0 else [])  # fmt: skip
        phone_axes[f"xaxis{suffix}"] = {"domain": half[column], "title": {"text": ""}}
        phone_axes[f"yaxis{suffix}"] = {"domain": tall, "title": {"text": ""}}
        told = f"<b>{normalizer_name(normalizer, _)}</b><br>{_told(result, place, _)}"
        role = NORMALIZER_ROLES[normalizer]
        words = {"xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom", "align": "left"}
        notes.append(note(told, role, x=wide[0], y=1.01, **words))
        phone_notes.append(note(told, role, x=half[column][0], y=tall[1], **words))
    base = layout(
        axes.pop("xaxis"), axes.pop("yaxis"), annotations=notes, margin={"l": 64, "r": 16, "t": 70, "b": 52},
        coloraxis={
            "colorscale": [[0, color("grid")], [0.35, color("series_3")], [1, color(STRONGEST)]], "cmin": 0, "cmax": 1,
            "showscale": False,
        },
    )  # fmt: skip
    parts = "; ".join(
        f"{normalizer_name(name, _)}: {_told(result, place, _)}" for place, name in enumerate(result.normalizers)
    )
    return Chart(
        "influence_matrices",
        traces,
        {**base, **axes},
        _("Influence of each sample's image on each sample's answer, {mode} mode, batch of {size}. {parts}.").format(
            mode=result.settings.mode, size=size, parts=parts),
        height=370,
        phone_height=470,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 30, "r": 6, "t": 56, "b": 30}, "annotations": phone_notes, **phone_axes,
        },
    )  # fmt: skip


def influence_changes(result: InfluenceResult, language: Language = "en") -> Chart:
    """One sample is replaced: how far every sample's answer, and its gradient, moves."""
    _ = translator(language)
    size = result.output_change.shape[1]
    numbers = np.arange(1, size + 1)
    traces: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    panels = (
        (result.output_change, _("change of the answer (s.d. of the logits)")),
        (result.gradient_change, _("change of the gradient (of its length)")),
    )
    for panel, (values, title) in enumerate(panels):
        suffix = "" if panel == 0 else "2"
        place_of = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        for place, normalizer in enumerate(result.normalizers):
            traces.append(
                {
                    **points(numbers + 0.16 * (place - 1.5), values[place], NORMALIZER_ROLES[normalizer],
                             normalizer_name(normalizer, _), size=11, symbol=SYMBOLS[place]),
                    **place_of, "showlegend": panel == 0, "hovertemplate": "%{y:.3g}",
                }
            )  # fmt: skip
        top = 1.12 * max(largest(values), 0.5)
        wide = [0.0, 0.47] if panel == 0 else [0.53, 1.0]
        tall = [0.58, 1.0] if panel == 0 else [0.0, 0.4]
        axes[f"xaxis{suffix}"] = axis(_("Sample"), domain=wide, anchor=f"y{suffix}", range=[0.5, size + 0.5],
                                      tickvals=_ticks(size))  # fmt: skip
        axes[f"yaxis{suffix}"] = axis("", anchor=f"x{suffix}", range=[-0.04 * top, top])
        phone_axes[f"xaxis{suffix}"] = {"domain": [0, 1], "title": {"text": ""}}
        phone_axes[f"yaxis{suffix}"] = {"domain": tall}
        notes.append(note(f"<b>{title}</b>", "ink", xref="paper", x=wide[0], xanchor="left", yref="paper", y=1.02,
                          yanchor="bottom"))  # fmt: skip
    changed = result.changed + 1
    base = layout(
        axes.pop("xaxis"), axes.pop("yaxis"), annotations=notes, showlegend=True,
        legend={"orientation": "h", "y": -0.24}, margin={"l": 48, "r": 16, "t": 40, "b": 96},
    )  # fmt: skip
    moved = [
        (normalizer_name(name, _), int((np.delete(result.output_change[place], result.changed) > 0).sum()))
        for place, name in enumerate(result.normalizers)
    ]
    phone_notes = [
        {**entry, "x": 0, "y": tall, "font": {**entry["font"], "size": 12}} for entry, tall in zip(notes, (1.0, 0.4), strict=True)
    ]  # fmt: skip
    return Chart(
        "influence_changes",
        traces,
        {**base, **axes},
        _("Sample {changed} is replaced by another image. Other samples whose answer moves: {parts}.").format(
            changed=changed, parts=", ".join(f"{name} {count}" for name, count in moved)),
        height=380,
        phone_height=520,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 40, "r": 8, "t": 30, "b": 84}, "annotations": phone_notes,
            "legend": {"orientation": "h", "y": -0.1}, **phone_axes,
        },
    )  # fmt: skip


def influence_jacobian(result: InfluenceResult, language: Language = "en") -> Chart:
    """The Jacobian of one batch norm, entry by entry: autograd's against the closed form."""
    _ = translator(language)
    scale = result.gamma / np.sqrt(result.variance + result.eps)
    measured, theory = result.jacobian / scale, result.jacobian_theory / scale
    own = np.eye(len(measured), dtype=bool)
    low, high = min(-0.3, 1.1 * float(theory.min())), max(1.1, 1.1 * float(theory.max()))
    traces = [
        line([low, high], [low, high], "theory", _("theory"), dash="dash", width=1.8),
        points(theory[~own], measured[~own], "before", _("another sample's input"), size=8),
        points(theory[own], measured[own], "after", _("its own input"), size=11, symbol="diamond"),
    ]
    notes = [
        key(_("first unit of the first batch norm, {mode} mode · dashed: equal").format(mode=result.settings.mode)),
        note("<b>" + _("its own input") + "</b>", "after", xref="paper", x=0.98, yref="paper", y=0.78, xanchor="right"),
        note(
            "<b>" + _("another sample's input") + "</b>",
            "before",
            xref="paper",
            x=0.3,
            yref="paper",
            y=0.06,
            xanchor="left",
        ),
    ]
    worst = float(np.abs(measured - theory).max())
    return Chart(
        "influence_jacobian",
        traces,
        layout(axis(_("Closed form, in units of γ/σ"), range=[low, high]), axis(_("Autograd, in units of γ/σ"), range=[low, high]),
               annotations=notes, margin={"l": 64, "r": 24, "t": 40, "b": 52}),
        _("Entries of one batch norm's Jacobian, autograd against closed form: they differ by at most {worst}.").format(
            worst=short(worst)),
        height=400,
        phone_layout=phone(notes, r=16),
    )  # fmt: skip


SYMBOLS: Final = ("circle", "square", "diamond", "x-thin-open")


def _told(result: InfluenceResult, place: int, _: Translate) -> str:
    others = result.others_that_move[place]
    if others == 0:
        return _("others: exactly 0")
    return _("others: {share} %").format(share=short(100 * result.from_others[place]))


def _ticks(size: int) -> list[int]:
    return sorted({1, *(round(float(place)) for place in np.linspace(1, size, min(size, 8)))})
