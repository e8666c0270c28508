"""The lab `layer` against theory: measured values and closed forms in one picture, for the chosen channel."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.layer.figures import DUST, ceiling
from bnviz.labs.layer.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels, numbered
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, phone, points, steps
from bnviz.plot.theme import Role, axis, color, layout

MARGIN: Final = {"l": 72, "r": 150, "t": 40, "b": 52}
PHONE_MARGIN: Final = {"l": 56, "r": 112, "t": 56, "b": 48}


def law(result: Result, language: Language = "en") -> Chart:
    """All x̂ of the run as a density, over the closed form where there is one."""
    _ = translator(language)
    edges = result.stages["normalized"].edges
    measured = result.pooled["normalized"]
    traces = [steps(edges, measured, "after", _("measured"), fill=True)]
    notes = [
        key(
            _("{count} values in {batches} batches").format(
                count=f"{result.values_per_statistic * result.settings.steps:,}".replace(
                    ",", "\N{NARROW NO-BREAK SPACE}"
                ),
                batches=result.settings.steps,
            )
        )
    ]
    name = _law_name(result, _)
    highest = float(measured.max())
    if result.predicted_density is None:
        notes.append(_corner(name))
    else:
        traces.append(steps(edges, result.predicted_density, "theory", _("theory"), fill=False))
        notes.append(_corner("- - " + name))
        highest = max(highest, float(result.predicted_density.max()))
    alt = _(
        "Density of all normalized values of channel {channel}: mean {mean}, standard deviation {std}. {law}"
    ).format(
        channel=result.settings.channel,
        mean=short(float(result.stage_mean["normalized"][:, result.settings.channel].mean()), DUST),
        std=short(float(result.stage_std["normalized"][:, result.settings.channel].mean())),
        law=name,
    )
    return Chart(
        "law",
        traces,
        layout(
            axis(_("x̂, the normalized value"), range=[float(edges[0]), float(edges[-1])]),
            axis(_("Probability density"), range=[0, ceiling(highest)]),
            annotations=notes,
        ),
        alt,
        height=400,
    )


def means(result: Result, language: Language = "en") -> Chart:
    """Batch means, the running mean and its closed form, over the shown batches."""
    _ = translator(language)
    c = result.settings.channel
    expected = (result.forecast.mean, result.forecast.mean_std)
    return _trace_chart(result, "means", _("Mean"), result.batch_mean[:, c], result.running_mean[:, c], expected, _)


def variances(result: Result, language: Language = "en") -> Chart:
    """Biased batch variances, the running variance, which is fed with the unbiased ones, and its closed form."""
    _ = translator(language)
    c = result.settings.channel
    expected = (result.forecast.var, None)
    return _trace_chart(
        result, "variances", _("Variance"), result.batch_var[:, c], result.running_var[:, c], expected, _
    )


def _law_name(result: Result, _: Translate) -> str:
    n = result.values_per_statistic
    if result.predicted_density is None:
        if result.statistics_source == "running":
            return _("no closed form for this input with running statistics")
        return _("ε is not small against σ²: the closed form needs ε → 0")
    if result.statistics_source == "running":
        return _("a Gaussian, moved and scaled by the running statistics")
    if n == 2:
        return _("n = 2: every value is −1 or 1, whatever goes in")
    if n == 3:
        return _("arcsine law, Gaussian input, n = 3")
    if n == 4:
        return _("uniform law, Gaussian input, n = 4")
    return _("exact law for Gaussian input, n = {n}").format(n=n)


def _trace_chart(
    result: Result,
    name: str,
    label: str,
    batch: Floats,
    running: Floats,
    expected: tuple[Floats, Floats | None],
    _: Translate,
) -> Chart:
    """Dots per batch at 1 … T; lines of the running estimate and its expectation at 0 … T."""
    steps = result.settings.steps
    traces = [points(np.arange(1, steps + 1), batch, "before", _("each batch"), size=7)]
    shown = [batch]
    ends: list[tuple[str, Role, float]] = [(_("each batch"), "before", float(batch[-1]))]
    forecast, std = expected
    if result.settings.track_running_stats:
        x = np.arange(steps + 1)
        if std is not None:
            traces.append(band(x, forecast - 2 * std, forecast + 2 * std, "theory", 0.1, "± 2 s.d."))
        traces.append(line(x, running, "running", _("running statistic")))
        traces.append(line(x, forecast, "theory", _("expected"), width=2, dash="dash"))
        ends += [(_("running"), "running", float(running[-1])), (_("expected"), "theory", float(forecast[-1]))]
        shown += [running, forecast]
    low, high = min(float(part.min()) for part in shown), max(float(part.max()) for part in shown)
    room = 0.06 * (high - low) or 1.0
    low, high = low - room, high + room
    legend = _("dots: each batch")
    if result.settings.track_running_stats:
        legend = _("dots: each batch · line: running statistic · dashed: expected") + (
            "" if std is None else " ± 2 s.d."
        )
    notes = [key(legend)]
    notes += end_labels(ends, low, high)
    settled = [(text, role, 0.0 if abs(value) < DUST else value) for text, role, value in ends]
    told = _(", ").join(text for text, _role, _value in numbered(settled))
    return Chart(
        name,
        traces,
        layout(
            axis(_("Batch"), range=[0, steps + 0.5]),
            axis(label, range=[low, high]),
            margin=MARGIN,
            annotations=notes,
        ),
        _("{label} of channel {channel} over {steps} batches. At the end: {ends}.").format(
            label=label, channel=result.settings.channel, steps=steps, ends=told
        ),
        phone_layout=phone(notes, **PHONE_MARGIN),
        playhead_first=1,
    )


def _corner(text: str) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0.99,
        "y": 0.97,
        "xanchor": "right",
        "yanchor": "top",
        "text": text,
        "showarrow": False,
        "font": {"color": color("theory")},
    }
