"""The gradient of the lab `gradient_flow` by layer and step, in colours. What is no finite number is left blank, and said so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.gradient_flow.figures.layers_axis import ROLES, drawable, layer_range, layer_ticks, step_ticks
from bnviz.labs.gradient_flow.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.primitives import PHONE_FONT, note, power_ticks
from bnviz.plot.theme import SERIES, axis, color, layout
from bnviz.plot.variants import normalizer_name


def heat(result: Result, language: Language = "en") -> Chart:
    """Logarithm of the RMS gradient, layer by recorded step: without normalization above, with the normalizer below."""
    _ = translator(language)
    values = np.log10(drawable(result.gradient_rms))
    seen = values[np.isfinite(values)]
    low, high = (math.floor(seen.min()), math.ceil(seen.max())) if seen.size else (-1, 0)
    count = len(result.variants)
    axes, notes = _panels(result, _)
    if seen.size < values.size:
        blank = _("blank: too small for float32, or no longer a number")
        notes.append(note(blank, xref="paper", x=1, xanchor="right", yref="paper", y=1, yanchor="bottom"))
    ticks = step_ticks(result.steps)
    x = axis(
        _("Training step (as recorded)"),
        showgrid=False,
        range=[-0.5, len(result.steps) - 0.5],
        tickvals=ticks,
        ticktext=[str(result.steps[tick]) for tick in ticks],
        anchor=f"y{count}" if count > 1 else "y",
    )
    base = layout(x, axes.pop("yaxis"), annotations=notes, margin={"l": 64, "r": 24, "t": 40, "b": 52})
    base["coloraxis"] = _colors(low, high, _)
    return Chart(
        "heat",
        [_trace(result, values[index], index, _) for index in range(count)],
        {**base, **axes},
        _heat_alt(result, _),
        height=200 + 110 * count,
        playhead_first=0.0,
        phone_layout={"font": {"size": PHONE_FONT}, "margin": {"l": 48, "r": 8, "t": 40, "b": 48}},
    )


def _panels(result: Result, _: Translate) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The layer axis of every variant's panel, and the variant's name above it."""
    axes: dict[str, Any] = {}
    notes = []
    count, depth = len(result.variants), result.settings.depth
    share = 1 / count
    for index, variant in enumerate(result.variants):
        domain = [1 - (index + 0.84 + 0.16 * index) * share, 1 - index * 1.16 * share] if count > 1 else [0, 1]
        axes[f"yaxis{_suffix(index)}"] = axis(
            _("Layer"),
            domain=domain,
            anchor="x",
            showgrid=False,
            tickvals=layer_ticks(depth, 5),
            range=layer_range(depth, 0.5),
        )
        above: dict[str, Any] = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": domain[1]}
        notes.append(note(f"<b>{normalizer_name(variant, _)}</b>", ROLES[index], yanchor="bottom", **above))
    return axes, notes


def _suffix(index: int) -> str:
    return "" if index == 0 else str(index + 1)


def _trace(result: Result, values: Floats, index: int, _: Translate) -> dict[str, Any]:
    """The heat map of one variant's `values` (P, L)."""
    return {
        "type": "heatmap",
        "x": np.arange(len(result.steps)),
        "y": np.arange(1, result.settings.depth + 1),
        "z": values.T,
        "xaxis": "x",
        "yaxis": f"y{_suffix(index)}",
        "coloraxis": "coloraxis",
        "name": normalizer_name(result.variants[index], _),
        "hoverongaps": False,
        "customdata": np.broadcast_to(result.steps, values.T.shape),
        "hovertemplate": _("step %{customdata}, layer %{y}: 10^%{z:.1f}"),
    }


def _colors(low: int, high: int, _: Translate) -> dict[str, Any]:
    """The colour scale from 10^low to 10^high, and the bar that explains it."""
    bar = power_ticks(low, high)
    return {
        "colorscale": [[rank / (len(SERIES) - 1), color(role)] for rank, role in enumerate(SERIES)],
        "cmin": low,
        "cmax": max(high, low + 1),
        "colorbar": {
            "title": {"text": _("RMS gradient"), "side": "right"},
            "thickness": 14,
            "outlinewidth": 0,
            "tickvals": [math.log10(value) for value in bar["tickvals"]],
            "ticktext": bar["ticktext"],
        },
    }


def _heat_alt(result: Result, _: Translate) -> str:
    return _(
        "RMS gradient by layer and training step, in colours on a log scale: {variants}; {steps} training steps."
    ).format(
        variants=_(", ").join(normalizer_name(variant, _) for variant in result.variants), steps=int(result.steps[-1])
    )
