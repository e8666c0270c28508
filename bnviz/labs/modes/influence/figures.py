"""Pictures of the topic `influence` of the lab `modes`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.modes.influence.result import Floats, Result
from bnviz.labs.modes.shared.figures import line_chart
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.panels import Panels, heading, stacked
from bnviz.plot.primitives import PHONE_FONT, key, largest, line, note, phone, points, small
from bnviz.plot.theme import axis, color
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name

STRONGEST: Final = "series_1"
SYMBOLS: Final = ("circle", "square", "diamond", "x-thin-open")
HALVES: Final = ([0.0, 0.46], [0.54, 1.0])  # of a phone's width


def influence_matrices(result: Result, language: Language = "en") -> Chart:
    """Sample × sample: how strongly each output answers to each input, one panel per normalizer; blank is exactly zero."""
    _ = translator(language)
    size, count = result.influence.shape[1], len(result.normalizers)
    panels = Panels()
    for index, normalizer in enumerate(result.normalizers):
        wide = [index / count + 0.012, (index + 1) / count - 0.012]
        half, tall = HALVES[index % 2], ([0.58, 1.0], [0.0, 0.42])[index // 2]
        whose_image, whose_answer = (_("whose image"), _("whose output")) if index == 0 else ("", "")
        ticks = _ticks(size)
        x = axis(whose_image, showgrid=False, domain=wide, range=[0.5, size + 0.5], tickvals=ticks)
        y = axis(whose_answer, showgrid=False, range=[size + 0.5, 0.5], tickvals=ticks if index == 0 else [])
        phone_x, phone_y = stacked(tall)
        phone_x |= {"domain": half} | ({"title": {"text": _("whose image")}} if index == (count - 1) // 2 * 2 else {})
        phone_y |= {"tickvals": ticks, "title": {"text": _("whose output")}} if index % 2 == 0 else {}
        panels.add([_matrix(result.influence[index], normalizer, _)], x, y, (phone_x, phone_y))
        text = f"<b>{normalizer_name(normalizer, _)}</b><br>{_share_of_others(result, index, _)}"
        panels.notes.append(heading(text, wide[0], 1.01, NORMALIZER_ROLES[normalizer], align="left"))
        panels.phone_notes.append({**panels.notes[-1], "x": half[0], "y": tall[1]})
    words = _("blank: exactly 0 · full colour: the strongest cell of the panel")
    below = note(words, xref="paper", x=1, xanchor="right", yref="paper", y=0, yanchor="top", yshift=-26)
    panels.notes.append(below)
    panels.phone_notes.append({**below, "text": words.replace(" · ", "<br>"), "yshift": -40, "align": "right"})
    names = [normalizer_name(name, _) for name in result.normalizers]
    parts = _("; ").join(name + _(": ") + _share_of_others(result, index, _) for index, name in enumerate(names))
    alt = _("Influence of each sample's image on each sample's output, {mode} mode, batch of {size}. {parts}.")
    narrow = {"font": {"size": PHONE_FONT}, "margin": {"l": 48, "r": 6, "t": 56, "b": 80}}
    return Chart(
        "influence_matrices",
        panels.traces,
        panels.layout(margin={"l": 64, "r": 16, "t": 70, "b": 52}, coloraxis=_color_axis()),
        alt.format(mode=result.settings.mode, size=size, parts=parts),
        height=370,
        phone_height=470,
        phone_layout={**narrow, "annotations": panels.phone_notes, **panels.phone_axes},
    )


def _matrix(block: Floats, normalizer: str, _: Translate) -> dict[str, Any]:
    """One panel: the influence relative to the largest; what is exactly 0 is a gap."""
    numbers = np.arange(1, len(block) + 1)
    hover = _("output {output}, input {input}: {value}").format(output="%{y}", input="%{x}", value="%{z:.2g}")
    return {
        "type": "heatmap",
        "x": numbers,
        "y": numbers,
        "z": np.where(block > 0, block / max(largest(block), 1e-30), np.nan),
        "xgap": 1.5,
        "ygap": 1.5,
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "name": normalizer_name(normalizer, _),
        "hovertemplate": hover,
    }


def _color_axis() -> dict[str, Any]:
    """Grey to the strongest influence of the panel, without a legend."""
    scale = [[0, color("grid")], [0.35, color("series_3")], [1, color(STRONGEST)]]
    return {"colorscale": scale, "cmin": 0, "cmax": 1, "showscale": False}


def influence_changes(result: Result, language: Language = "en") -> Chart:
    """One sample is replaced: how far every sample's answer, and its gradient, moves."""
    _ = translator(language)
    size = result.output_change.shape[1]
    panels = Panels()
    for number, (values, title, wide, tall) in enumerate(
        (
            (result.output_change, _("change of the output (s.d. of the logits)"), [0.0, 0.47], [0.58, 1.0]),
            (result.gradient_change, _("change of the gradient (of its length)"), [0.53, 1.0], [0.0, 0.4]),
        )
    ):
        top = 1.12 * max(largest(values), 0.5)
        x = axis(_("Sample"), domain=wide, range=[0.5, size + 0.5], tickvals=_ticks(size))
        traces = _changes(values, result, legend=number == 0, _=_)
        panels.add(traces, x, axis("", range=[-0.04 * top, top]), (stacked(tall)[0], {"domain": tall}))
        panels.notes.append(heading(f"<b>{title}</b>", wide[0], 1.02))
        panels.phone_notes += small([{**panels.notes[-1], "x": 0, "y": tall[1]}])
    moved = (np.delete(result.output_change, result.changed, axis=1) > 0).sum(1)
    names = [normalizer_name(name, _) for name in result.normalizers]
    alt = _("Sample {changed} is replaced by another image. Other samples whose output changes: {parts}.").format(
        changed=result.changed + 1,
        parts=_(", ").join(f"{name} {count}" for name, count in zip(names, moved, strict=True)),
    )
    legend = {"orientation": "h", "y": -0.24}
    return Chart(
        "influence_changes",
        panels.traces,
        panels.layout(showlegend=True, legend=legend, margin={"l": 48, "r": 16, "t": 40, "b": 96}),
        alt,
        height=380,
        phone_height=520,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 40, "r": 8, "t": 30, "b": 84},
            "annotations": panels.phone_notes,
            "legend": {"orientation": "h", "y": -0.1},
            **panels.phone_axes,
        },
    )


def _changes(values: Floats, result: Result, *, legend: bool, _: Translate) -> list[dict[str, Any]]:
    """The changes (V, m) of one panel, normalizers side by side at each sample."""
    numbers = np.arange(1, values.shape[1] + 1)
    traces = []
    for index, normalizer in enumerate(result.normalizers):
        x, name = numbers + 0.16 * (index - 1.5), normalizer_name(normalizer, _)
        look: dict[str, Any] = {"size": 11, "symbol": SYMBOLS[index], "showlegend": legend, "hovertemplate": "%{y:.3g}"}
        traces.append(points(x, values[index], NORMALIZER_ROLES[normalizer], name, **look))
    return traces


def influence_jacobian(result: Result, language: Language = "en") -> Chart:
    """The Jacobian of one batch norm, entry by entry: autograd's against the closed form."""
    _ = translator(language)
    measured, theory = result.jacobian / result.slope, result.jacobian_theory / result.slope
    own = np.eye(len(measured), dtype=bool)
    low, high = min(-0.3, 1.1 * float(theory.min())), max(1.1, 1.1 * float(theory.max()))
    its_own, another = _("its own input"), _("another sample's input")
    traces = [
        line([low, high], [low, high], "theory", _("theory"), dash="dash", width=1.8),
        points(theory[~own], measured[~own], "before", another, size=8),
        points(theory[own], measured[own], "after", its_own, size=11, symbol="diamond"),
    ]
    inside = {"xref": "paper", "yref": "paper"}
    words = _("first unit of the first batch norm, {mode} mode · dashed: equal").format(mode=result.settings.mode)
    notes = [
        key(words),
        note(f"<b>{its_own}</b>", "after", x=0.98, y=0.78, xanchor="right", **inside),
        note(f"<b>{another}</b>", "before", x=0.3, y=0.06, xanchor="left", **inside),
    ]
    worst = float(np.abs(measured - theory).max())
    alt = _("Entries of one batch norm's Jacobian, autograd against closed form: they differ by at most {worst}.")
    return line_chart(
        "influence_jacobian",
        traces,
        (
            axis(_("Closed form, in units of γ/σ"), range=[low, high]),
            axis(_("Autograd, in units of γ/σ"), range=[low, high]),
        ),
        notes,
        alt.format(worst=short(worst)),
        margin={"r": 24},
        height=400,
        phone_layout=phone(notes, r=16),
    )


def _share_of_others(result: Result, index: int, _: Translate) -> str:
    """How much of normalizer `index`'s influence comes from other samples, in words."""
    if result.others_that_move[index] == 0:
        return _("from others: exactly 0")
    return _("from others: {share} % of squares").format(share=short(100 * result.from_others[index]))


def _ticks(size: int) -> list[int]:
    """At most about eight sample numbers, the first and the last among them."""
    return sorted({1, *(round(float(number)) for number in np.linspace(1, size, min(size, 8)))})
