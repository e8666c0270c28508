"""Pictures of the topic `gap` of the lab `modes`; each takes a `GapResult`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.modes.shared.figures import MARGIN, phone, phone_labels_above
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, largest, line, points
from bnviz.plot.theme import SERIES, Role, axis, layout

if TYPE_CHECKING:
    from bnviz.labs.modes.gap.experiment import GapResult

MOST_LAYERS: Final = 4


def gap_curves(result: GapResult, language: Language = "en") -> Chart:
    """Gap between the modes over training steps, layer by layer and for the logits; dotted, what is left after recalibration."""
    _ = translator(language)
    last = result.settings.depth
    shown = [(place, _("layer {number}").format(number=place + 1), SERIES[rank])
             for rank, place in enumerate(shown_layers(last))]  # fmt: skip
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    for place, name, role in [*shown, (last, _("logits"), "before")]:
        traces.append(line(result.steps, result.gap[:, place], role, name, width=4 if place == last else 2.5))
        labels.append((f"{name} {short(result.gap[-1, place])}", role, float(result.gap[-1, place])))
    name = _("logits, recalibrated")
    traces.append(line(result.steps, result.recalibrated[:, last], "running", name, dash="dot", width=3))
    labels.append((f"{name} {short(result.recalibrated[-1, last])}", "running", float(result.recalibrated[-1, last])))
    top = max(1.25, 1.05 * largest(result.gap, result.recalibrated))
    words = _("train() against eval(), same weights and images · 1: as far apart as the values themselves scatter")
    notes = [key(words), *end_labels(finite(labels), 0.0, top)]
    return Chart(
        "gap_curves",
        traces,
        layout(_steps_axis(result, _), axis(_("Gap (s.d. of the output)"), range=[0, top]), annotations=notes,
               margin={**MARGIN, "r": 210}),
        _("RMS difference between outputs in train and eval mode, in standard deviations, over {steps} training steps. At the end: "
          "{parts}.").format(steps=result.settings.steps, parts="; ".join(text for text, *_rest in labels)),
        height=420,
        phone_height=440,
        phone_layout=phone_labels_above(words, labels),
    )  # fmt: skip


def gap_answers(result: GapResult, language: Language = "en") -> Chart:
    """Share of wrong predictions in train mode, in eval mode and recalibrated, and share of predictions that the mode changes."""
    _ = translator(language)
    rows: list[tuple[str, Any, Role, str]] = [
        (_("wrong in train mode"), result.error_train, "after", "solid"),
        (_("wrong in eval mode"), result.error_eval, "running", "solid"),
        (_("wrong, recalibrated"), result.error_recalibrated, "running", "dot"),
        (_("the mode decides"), result.changed, "before", "solid"),
    ]
    traces, labels = [], []
    for name, values, role, dash in rows:
        traces.append(line(result.steps, 100 * values, role, name, dash=dash))
        labels.append((f"{name} {short(100 * values[-1])} %", role, float(100 * values[-1])))
    top = min(100.0, max(20.0, 1.05 * 100 * largest(*(values for _name, values, *_rest in rows))))
    words = _("{samples} test images in batches of {size} · “the mode decides”: other answer in train than in eval")
    words = words.format(samples=result.samples, size=result.settings.batch_size)
    notes = [key(words), *end_labels(finite(labels), 0.0, top)]
    return Chart(
        "gap_answers",
        traces,
        layout(_steps_axis(result, _), axis(_("Share of test images in %"), range=[0, top]), annotations=notes,
               margin={**MARGIN, "r": 210}),
        _("Share of test images over {steps} training steps. At the end: {parts}.").format(
            steps=result.settings.steps, parts="; ".join(text for text, *_rest in labels)),
        height=380,
        phone_height=420,
        phone_layout=phone_labels_above(words, labels),
    )  # fmt: skip


def gap_layers(result: GapResult, language: Language = "en") -> Chart:
    """At the end of the run, layer by layer: the gap, the part that each layer adds itself, and the gap after recalibration."""
    _ = translator(language)
    depth = result.settings.depth
    places = np.arange(1, depth + 2)
    rows: list[tuple[str, Any, Role, str]] = [
        (_("eval mode"), result.gap[-1], "before", "circle"),
        (_("recalibrated"), result.recalibrated[-1], "running", "diamond"),
        (_("added by this layer"), result.own[-1], "after", "square"),
    ]
    traces = [
        line(places[: len(values)], values, role, name, width=2, marker={"size": 11, "symbol": symbol})
        for name, values, role, symbol in rows
    ]
    traces.append(
        line([0.5, depth + 1.5], [result.floor] * 2, "theory", _("noise of the batch"), dash="dash", width=1.8)
    )
    top = max(0.5, 1.15 * largest(*(values for _name, values, *_rest in rows), [result.floor]))
    labels: list[tuple[str, Role, float]] = [(name, role, float(values[-1])) for name, values, role, _symbol in rows]
    labels.append((_("noise of the batch"), "theory", result.floor))
    notes = [
        key(_("dashed: what a batch of {size} is off by itself, from theory").format(size=result.settings.batch_size)),
        *end_labels(finite(labels), 0.0, top),
    ]
    ticks = sorted({1, *(round(float(place)) for place in np.linspace(1, depth, min(depth, 8)))})
    x = axis(
        _("Layer"), range=[0.5, depth + 1.5], tickvals=[*ticks, depth + 1], ticktext=[*map(str, ticks), _("logits")]
    )
    parts = "; ".join(f"{name} {short(values[-1])}" for name, values, *_rest in rows)
    return Chart(
        "gap_layers",
        traces,
        layout(x, axis(_("Gap (s.d. of the output)"), range=[0, top]), annotations=notes, margin=MARGIN),
        _("Gap layer by layer after {steps} steps; last place: {parts}. A batch of {size} alone makes {floor}.").format(
            steps=result.settings.steps, parts=parts, size=result.settings.batch_size, floor=short(result.floor)),
        height=360,
        phone_layout=phone(notes),
    )  # fmt: skip


def gap_own(result: GapResult, language: Language = "en") -> Chart:
    """The gap that each batch norm adds by itself, measured, over what follows from its four statistics."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    for rank, place in enumerate(shown_layers(result.settings.depth)):
        name = _("layer {number}").format(number=place + 1)
        traces += [
            points(result.steps, result.own[:, place], SERIES[rank], name),
            line(result.steps, result.own_theory[:, place], "theory", _("theory"), dash="dash", width=1.5),
        ]
        labels.append((name, SERIES[rank], float(result.own[-1, place])))
    top = max(1.0, 1.08 * largest(result.own))
    notes = [
        key(_("dots: measured · dashed: from batch and running statistics alone")),
        *end_labels(finite(labels), 0.0, top),
    ]
    return Chart(
        "gap_own",
        traces,
        layout(_steps_axis(result, _), axis(_("Gap added by the layer (s.d.)"), range=[0, top]), annotations=notes,
               margin={**MARGIN, "r": 110}),
        _("The gap that each batch norm adds by itself, over its closed form. At the end: {parts}.").format(
            parts="; ".join(f"{text} {short(value)}" for text, _role, value in labels)),
        height=380,
        phone_layout=phone(notes, r=80),
    )  # fmt: skip


def gap_floor(result: GapResult, language: Language = "en") -> Chart:
    """The first layer's gap, in eval mode and recalibrated, over the noise of a batch and the weight left to the initial values."""
    _ = translator(language)
    rows: list[tuple[str, Any, Role, str]] = [
        (_("eval mode"), result.gap[:, 0], "before", "solid"),
        (_("recalibrated"), result.recalibrated[:, 0], "running", "solid"),
        (_("initial weight left"), result.left_over, "theory", "dash"),
        (_("noise of the batch"), np.full(len(result.steps), result.floor), "theory", "dot"),
    ]
    traces = [line(result.steps, values, role, name, dash=dash) for name, values, role, dash in rows]
    top = max(1.05, 1.05 * largest(*(values for _name, values, *_rest in rows)))
    labels = [(f"{name} {short(values[-1], 1e-6)}", role, float(values[-1])) for name, values, role, _dash in rows]
    words = _("first batch norm · dashed: (1 − α)ᵗ · dotted: √(2 − 2R), about √(1.5/m)")
    notes = [key(words), *end_labels(finite(labels), 0, top)]
    return Chart(
        "gap_floor",
        traces,
        layout(_steps_axis(result, _), axis(_("Gap (s.d.), weight"), range=[0, top]), annotations=notes, margin=MARGIN),
        _("Gap of the first layer. At the end: {parts}.").format(parts="; ".join(text for text, *_rest in labels)),
        height=380,
        phone_height=420,
        phone_layout=phone_labels_above(words, labels),
    )  # fmt: skip


def shown_layers(depth: int) -> list[int]:
    """Places of the layers that are drawn: all of a few, else the first, the last and some between."""
    return sorted({round(float(place)) for place in np.linspace(0, depth - 1, min(depth, MOST_LAYERS))})


def finite(labels: list[tuple[str, Role, float]]) -> list[tuple[str, Role, float]]:
    """The labels whose place is a number."""
    return [label for label in labels if np.isfinite(label[2])]


def _steps_axis(result: GapResult, _: Translate) -> dict[str, Any]:
    return axis(_("Training steps"), range=[0, result.settings.steps])
