"""Pictures of the topic `gap` of the lab `modes`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.modes.gap.result import Floats, Result
from bnviz.labs.modes.shared.figures import Label, finite, line_chart, phone_labels_above
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels, numbered
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, largest, line, phone, points
from bnviz.plot.theme import SERIES, Role, axis

MAX_LAYERS: Final = 4

Row = tuple[str, Floats, Role, str]  # name, values, role, dash or symbol


def gap_curves(result: Result, language: Language = "en") -> Chart:
    """Gap between the modes over training steps, layer by layer and for the logits; dotted, what is left after recalibration."""
    _ = translator(language)
    last = result.settings.depth
    traces: list[dict[str, Any]] = []
    labels: list[Label] = []
    for index, name, role in [*_layers(result, _), (last, _("logits"), "before")]:
        values = result.gap[:, index]
        traces.append(line(result.steps, values, role, name, width=4 if index == last else 2.5))
        labels.append((name, role, float(values[-1])))
    name, values = _("logits, recalibrated"), result.recalibrated[:, last]
    traces.append(line(result.steps, values, "running", name, dash="dot", width=3))
    labels = numbered([*labels, (name, "running", float(values[-1]))])
    top = max(1.25, 1.05 * largest(result.gap, result.recalibrated))
    words = _("train() against eval(), same weights and images · 1 = as large as the outputs' own standard deviation")
    alt = _(
        "RMS difference between outputs in train and eval mode, in standard deviations, over {steps} training steps. At the end: "
        "{parts}."
    )
    return line_chart(
        "gap_curves",
        traces,
        (_steps_axis(result, _), axis(_("Gap (s.d. of the output)"), range=[0, top])),
        [key(words), *end_labels(finite(labels), 0.0, top)],
        alt.format(steps=result.settings.steps, parts=_listed(labels, _)),
        margin={"r": 210},
        height=420,
        phone_height=440,
        phone_layout=phone_labels_above(words, labels),
    )


def gap_answers(result: Result, language: Language = "en") -> Chart:
    """Share of wrong predictions in train mode, in eval mode and recalibrated, and share of predictions that the mode changes."""
    _ = translator(language)
    rows: list[Row] = [
        (_("wrong in train mode"), result.error_train, "after", "solid"),
        (_("wrong in eval mode"), result.error_eval, "running", "solid"),
        (_("wrong, recalibrated"), result.error_recalibrated, "running", "dot"),
        (_("the mode decides"), result.changed, "before", "solid"),
    ]
    traces = [line(result.steps, 100 * values, role, name, dash=dash) for name, values, role, dash in rows]
    labels = numbered([(name, role, float(100 * values[-1])) for name, values, role, _dash in rows], " %")
    top = min(100.0, max(20.0, 1.05 * 100 * largest(*(values for _name, values, *_rest in rows))))
    words = _("{samples} test images in batches of {size} · “the mode decides”: other prediction in train than in eval")
    words = words.format(samples=result.samples, size=result.settings.batch_size)
    alt = _("Share of test images over {steps} training steps. At the end: {parts}.")
    return line_chart(
        "gap_answers",
        traces,
        (_steps_axis(result, _), axis(_("Share of test images in %"), range=[0, top])),
        [key(words), *end_labels(finite(labels), 0.0, top)],
        alt.format(steps=result.settings.steps, parts=_listed(labels, _)),
        margin={"r": 210},
        phone_height=420,
        phone_layout=phone_labels_above(words, labels),
    )


def gap_layers(result: Result, language: Language = "en") -> Chart:
    """At the end of the run, layer by layer: the gap, what each layer adds itself, and the gap after recalibration."""
    _ = translator(language)
    depth, size = result.settings.depth, result.settings.batch_size
    layers = np.arange(1, depth + 2)
    rows: list[Row] = [
        (_("eval mode"), result.gap[-1], "before", "circle"),
        (_("recalibrated"), result.recalibrated[-1], "running", "diamond"),
        (_("added by this layer"), result.own[-1], "after", "square"),
    ]
    traces = [
        line(layers[: len(values)], values, role, name, width=2, marker={"size": 11, "symbol": symbol})
        for name, values, role, symbol in rows
    ]
    noise = _("noise of the batch")
    traces.append(line([0.5, depth + 1.5], [result.floor] * 2, "theory", noise, dash="dash", width=1.8))
    top = max(0.5, 1.15 * largest(*(values for _name, values, *_rest in rows), [result.floor]))
    labels: list[Label] = [(name, role, float(values[-1])) for name, values, role, _symbol in rows]
    labels.append((noise, "theory", result.floor))
    *told, (floor, __, ___) = numbered(
        [*((name, role, float(values[-1])) for name, values, role, _symbol in rows), ("", "theory", result.floor)]
    )
    words = _("dashed: what a batch of {size} is off by itself, from theory").format(size=size)
    ticks = sorted({1, *(round(float(layer)) for layer in np.linspace(1, depth, min(depth, 8)))})
    named = {"tickvals": [*ticks, depth + 1], "ticktext": [*map(str, ticks), _("logits")]}
    alt = _(
        "Gap layer by layer after {steps} steps; last place: {parts}. A batch of {size} alone makes {floor}."
    ).format(
        steps=result.settings.steps,
        parts=_("; ").join(text for text, _role, _value in told),
        size=size,
        floor=floor.strip(),
    )
    return line_chart(
        "gap_layers",
        traces,
        (axis(_("Layer"), range=[0.5, depth + 1.5], **named), axis(_("Gap (s.d. of the output)"), range=[0, top])),
        [key(words), *end_labels(finite(labels), 0.0, top)],
        alt,
        height=360,
    )


def gap_own(result: Result, language: Language = "en") -> Chart:
    """The gap that each batch norm adds by itself, measured, over what follows from its four statistics."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[Label] = []
    for index, name, role in _layers(result, _):
        traces += [
            points(result.steps, result.own[:, index], role, name),
            line(result.steps, result.own_theory[:, index], "theory", _("theory"), dash="dash", width=1.5),
        ]
        labels.append((name, role, float(result.own[-1, index])))
    top = max(1.0, 1.08 * largest(result.own))
    words = key(_("dots: measured · dashed: from batch and running statistics alone"))
    notes = [words, *end_labels(finite(labels), 0.0, top)]
    parts = _("; ").join(f"{text} {short(value)}" for text, _role, value in labels)
    return line_chart(
        "gap_own",
        traces,
        (_steps_axis(result, _), axis(_("Gap added by the layer (s.d.)"), range=[0, top])),
        notes,
        _("The gap that each batch norm adds by itself, over its closed form. At the end: {parts}.").format(
            parts=parts
        ),
        margin={"r": 110},
        phone_layout=phone(notes, r=80),
    )


def gap_floor(result: Result, language: Language = "en") -> Chart:
    """The first layer's gap, in eval mode and recalibrated, over the noise of a batch and the weight left to the initial values."""
    _ = translator(language)
    rows: list[Row] = [
        (_("eval mode"), result.gap[:, 0], "before", "solid"),
        (_("recalibrated"), result.recalibrated[:, 0], "running", "solid"),
        (_("initial weight left"), result.left_over, "theory", "dash"),
        (_("noise of the batch"), np.full(len(result.steps), result.floor), "theory", "dot"),
    ]
    traces = [line(result.steps, values, role, name, dash=dash) for name, values, role, dash in rows]
    top = max(1.05, 1.05 * largest(*(values for _name, values, *_rest in rows)))
    labels: list[Label] = [
        (f"{name} {short(values[-1], 1e-6)}", role, float(values[-1])) for name, values, role, _dash in rows
    ]
    words = _("first batch norm · dashed: (1 − α)ᵗ · dotted: √(2 − 2R), about √(1.5/m)")
    return line_chart(
        "gap_floor",
        traces,
        (_steps_axis(result, _), axis(_("Gap (s.d.), weight"), range=[0, top])),
        [key(words), *end_labels(finite(labels), 0, top)],
        _("Gap of the first layer. At the end: {parts}.").format(parts=_listed(labels, _)),
        phone_height=420,
        phone_layout=phone_labels_above(words, labels),
    )


def shown_layers(depth: int) -> list[int]:
    """Indices of the layers that are drawn: all of a few, else the first, the last and some between."""
    return sorted({round(float(layer)) for layer in np.linspace(0, depth - 1, min(depth, MAX_LAYERS))})


def _layers(result: Result, _: Translate) -> list[tuple[int, str, Role]]:
    """Index, name and role of each layer that is drawn."""
    shown = shown_layers(result.settings.depth)
    return [(index, _("layer {number}").format(number=index + 1), SERIES[rank]) for rank, index in enumerate(shown)]


def _listed(labels: list[Label], _: Translate) -> str:
    return _("; ").join(text for text, *_rest in labels)


def _steps_axis(result: Result, _: Translate) -> dict[str, Any]:
    return axis(_("Training steps"), range=[0, result.settings.steps])
