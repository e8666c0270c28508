"""Pictures of the lab `layer`; each takes its `Result` and shows the chosen channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from bnviz.figures.chart import Chart
from bnviz.figures.ends import end_labels
from bnviz.figures.scene import Axis, Band, Layer, Marker, Panel, Readout, Row, Scene
from bnviz.figures.theme import Role, axis, color, layout
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.settings import Activation, Parameter

if TYPE_CHECKING:
    from bnviz.experiments.layer import Result

Floats = NDArray[np.float64]

HEIGHT: Final = 430  # with the page's head and the player's bar, this ends above the fold of a 720 pixel high projector
ROUNDING: Final = 1e-4  # of a standard deviation: a mean below this is what float32 leaves of 0
ROUND: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
MARGIN: Final = {"l": 72, "r": 150, "t": 40, "b": 52}
PHONE_MARGIN: Final = {"l": 56, "r": 112, "t": 56, "b": 48}
ACTIVATION_NAMES: Final = next(part.names for part in get_args(Activation) if isinstance(part, Parameter))


def stages(result: Result, language: Language = "en") -> Scene:
    """The numbers before batch norm, after it and after the activation, batch by batch; under them, all batches at once."""
    _ = translator(language)
    histograms = [_input_panel(result, _), _norm_panel(result, _)]
    if result.settings.activation != "identity":
        histograms.append(_output_panel(result, _))
    elif result.settings.rescales:
        histograms.append(_scaled_panel(result, _))
    heats = (
        _heat(result, "input", _("Before, batch by batch"), _),
        _heat(result, "scaled", _("After, batch by batch"), _),
    )
    return Scene(
        "stages",
        result.settings.steps,
        _("batch"),
        (Row(tuple(histograms), 1.6), Row(heats)),
        [supplier(result, language)],
        _stages_alt(result, _),
        height=HEIGHT,
        fps=max(8.0, result.settings.steps / 20),
    )


def supplier(result: Result, language: Language = "en") -> str:
    """Who supplied μ and σ², in a sentence."""
    _ = translator(language)
    settings, n = result.settings, result.values_per_statistic
    if result.statistics_source == "running":
        if result.batches_before == 0:
            return _("μ and σ² come from running estimates that were never updated: mean 0, variance 1.")
        return _("μ and σ² come from the running estimates after {count} batches.").format(count=result.batches_before)
    if settings.mode == "eval":
        return _(
            "μ and σ² come from this batch of {n} values even in eval mode: the layer keeps no running estimates."
        ).format(n=n)
    return _("μ and σ² come from this batch: {n} values share one mean and one variance.").format(n=n)


def law(result: Result, language: Language = "en") -> Chart:
    """All x̂ of the run as a density, over the closed form where there is one."""
    _ = translator(language)
    edges = result.stages["normalized"].edges
    measured = result.pooled["normalized"]
    traces = [_steps(edges, measured, "after", _("measured"), fill=True)]
    notes = [_note(_("{count} values in {batches} batches").format(
        count=f"{result.values_per_statistic * result.settings.steps:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
        batches=result.settings.steps,
    ))]  # fmt: skip
    name = _law_name(result, _)
    highest = float(measured.max())
    if result.predicted_density is None:
        notes.append(_corner(name))
    else:
        traces.append(_steps(edges, result.predicted_density, "theory", _("theory"), fill=False))
        notes.append(_corner("- - " + name))
        highest = max(highest, float(result.predicted_density.max()))
    alt = _(
        "Density of all normalized values of channel {channel}: mean {mean}, standard deviation {std}. {law}"
    ).format(
        channel=result.settings.channel,
        mean=number(float(result.stage_mean["normalized"][:, result.settings.channel].mean())),
        std=number(float(result.stage_std["normalized"][:, result.settings.channel].mean())),
        law=name,
    )
    return Chart(
        "law",
        traces,
        layout(
            axis(_("x̂, the normalized value"), range=[float(edges[0]), float(edges[-1])]),
            axis(_("density"), range=[0, ceiling(highest)]),
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


def number(value: float) -> str:
    """At most three significant digits, with a proper minus sign; what rounding leaves of 0 is 0."""
    return "0" if abs(value) < 5e-7 else f"{value:.3g}".replace("-", "−")


def ceiling(value: float) -> float:
    """The next round number above `value`, so that an axis stays where it is while the data change a little."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in ROUND if step * power >= value)


def _input_panel(result: Result, _: Translate) -> Panel:
    c = result.settings.channel
    used = " · " + _("used")
    from_running = result.statistics_source == "running"
    markers = [Marker("before", result.batch_mean[:, c], _("batch mean") + ("" if from_running else used))]
    if result.settings.track_running_stats:
        known = result.used_mean[:, c] if from_running else result.running_mean[1:, c]
        markers.append(Marker("running", known, _("running mean") + (used if from_running else "")))
    return _panel(result, "input", _("Before batch norm"), "before", _, markers=tuple(markers))


def _norm_panel(result: Result, _: Translate) -> Panel:
    """x̂ over an outline of what came in; γ·x̂ + β takes over the filled part where the activation's panel leaves no other room."""
    before = Layer("before", result.input_density, "line", _("before"))
    if not result.settings.rescales or result.settings.activation == "identity":
        return _panel(result, "normalized", _("Normalized: x̂"), "after", _, (before,))
    title = _("After γ and β: {formula}").format(formula=_scaling(result))
    x_hat = Layer("context", _density(result, "normalized"), "line", "x̂")
    return _panel(result, "scaled", title, "after", _, (x_hat, before))


def _scaled_panel(result: Result, _: Translate) -> Panel:
    return _panel(result, "scaled", _("After γ and β: {formula}").format(formula=_scaling(result)), "after", _)


def _scaling(result: Result) -> str:
    gamma, beta = result.settings.gamma, result.settings.beta
    sign = "−" if beta < 0 else "+"
    return f"{number(gamma)}·x̂ {sign} {number(abs(beta))}" if beta else f"{number(gamma)}·x̂"


def _output_panel(result: Result, _: Translate) -> Panel:
    title = _("After {activation}").format(activation=_(ACTIVATION_NAMES[result.settings.activation]))
    zeros = Readout(_("zeros"), 100 * result.zero_share, "%")
    return _panel(
        result, "output", title, "after", _, readouts=(zeros,) if result.settings.activation == "relu" else ()
    )


def _panel(
    result: Result,
    stage: str,
    title: str,
    role: Role,
    _: Translate,
    layers: tuple[Layer, ...] = (),
    markers: tuple[Marker, ...] = (),
    readouts: tuple[Readout, ...] = (),
) -> Panel:
    c, edges = result.settings.channel, result.stages[stage].edges
    mean, std = result.stage_mean[stage][:, c], result.stage_std[stage][:, c]
    return Panel(
        stage,
        title,
        "histogram",
        Axis("", float(edges[0]), float(edges[-1])),
        Axis("", 0.0, _density_ceiling(result, stage)),
        edges,
        (
            Layer("context", result.pooled[stage], label=_("all batches") if stage == "input" else ""),
            Layer(role, _density(result, stage)),
            *layers,
        ),
        markers=markers,
        readouts=(
            Readout(_("mean"), np.where(np.abs(mean) > ROUNDING * std, mean, 0.0)),
            Readout(_("s.d."), std),
            *readouts,
        ),
    )


def _density(result: Result, stage: str) -> Floats:
    return result.stages[stage].density()[:, result.settings.channel]


def _density_ceiling(result: Result, stage: str) -> float:
    """Top of a density axis; a pile of equal values, such as ReLU's zeros, may stand out above it."""
    shape = "scaled" if result.settings.activation in {"relu", "leaky_relu"} and stage == "output" else stage
    return ceiling(float(np.quantile(_density(result, shape).max(axis=1), 0.9)))


def _heat(result: Result, stage: str, title: str, _: Translate) -> Panel:
    c, counts = result.settings.channel, result.stages[stage]
    role: Role = "before" if stage == "input" else "after"
    low, middle, high = result.percentiles[stage][:, c].T
    bands = [Band("ink", high, "85 %"), Band("ink", middle, "50 %"), Band("ink", low, "15 %")]
    if stage == "input" and result.settings.track_running_stats:
        bands.append(Band("running", result.running_mean[1:, c], _("running mean")))
    return Panel(
        f"{stage}_over_time",
        title,
        "heat",
        Axis(_("batch"), 0.5, result.settings.steps + 0.5),
        Axis("", float(counts.edges[0]), float(counts.edges[-1])),
        counts.edges,
        (Layer(role, counts.counts[:, c]),),
        bands=tuple(bands),
    )


def _stages_alt(result: Result, _: Translate) -> str:
    c = result.settings.channel
    told = [
        _("{stage}: mean {mean}, standard deviation {std}").format(
            stage=_(name),
            mean=number(float(result.stage_mean[stage][-1, c])),
            std=number(float(result.stage_std[stage][-1, c])),
        )
        for stage, name in (
            ("input", N_("before")),
            ("normalized", N_("normalized")),
            ("output", N_("after the activation")),
        )
    ]
    head = _("Histograms of channel {channel} over {steps} batches. In the last batch: {stages}.")
    return head.format(channel=c, steps=result.settings.steps, stages="; ".join(told))


def _law_name(result: Result, _: Translate) -> str:
    n = result.values_per_statistic
    if result.predicted_density is None:
        if result.statistics_source == "running":
            return _("no closed form for this input with running estimates")
        return _("ε is not small against σ²: the closed form needs ε → 0")
    if result.statistics_source == "running":
        return _("a Gaussian, moved and scaled by the running estimates")
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
    traces = [_dots(np.arange(1, steps + 1), batch, _("each batch"))]
    shown = [batch]
    ends: list[tuple[str, Role, float]] = [(_("each batch"), "before", float(batch[-1]))]
    forecast, std = expected
    if result.settings.track_running_stats:
        x = np.arange(steps + 1)
        if std is not None:
            traces.append(_band(x, forecast - 2 * std, forecast + 2 * std))
        traces.append(_line(x, running, "running", _("running estimate"), "solid", 3))
        traces.append(_line(x, forecast, "theory", _("expected"), "dash", 2))
        ends += [(_("running"), "running", float(running[-1])), (_("expected"), "theory", float(forecast[-1]))]
        shown += [running, forecast]
    low, high = min(float(part.min()) for part in shown), max(float(part.max()) for part in shown)
    room = 0.06 * (high - low) or 1.0
    low, high = low - room, high + room
    key = _("dots: each batch")
    if result.settings.track_running_stats:
        key = _("dots: each batch · line: running estimate · dashed: expected") + ("" if std is None else " ± 2 s.d.")
    notes = [_note(key)]
    notes += end_labels(ends, low, high)
    told = ", ".join(f"{text} {number(value)}" for text, _role, value in ends)
    return Chart(
        name,
        traces,
        layout(
            axis(_("batch"), range=[0, steps + 0.5]),
            axis(label, range=[low, high]),
            margin=MARGIN,
            annotations=notes,
        ),
        _("{label} of channel {channel} over {steps} batches. At the end: {ends}.").format(
            label=label, channel=result.settings.channel, steps=steps, ends=told
        ),
        phone_layout={"margin": PHONE_MARGIN, "annotations": [_small(note) for note in notes]},
        playhead_first=1,
    )


def _steps(edges: Floats, heights: Floats, role: Role, name: str, *, fill: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": edges,
        "y": np.append(heights, heights[-1]),
        "line": {"shape": "hv", "color": color(role), "width": 2, "dash": "solid" if fill else "dash"},
        "fill": "tozeroy" if fill else "none",
        "fillcolor": color(role, 0.3),
        "hovertemplate": f"%{{x:.3g}}: %{{y:.3g}}<extra>{name}</extra>",
    }


def _dots(x: NDArray[np.int64], y: Floats, name: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "marker": {"color": color("before"), "size": 7},
        "hovertemplate": f"%{{x}}: %{{y:.3g}}<extra>{name}</extra>",
    }


def _line(x: NDArray[np.int64], y: Floats, role: Role, name: str, dash: str, width: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": color(role), "width": width, "dash": dash},
        "hovertemplate": f"%{{x}}: %{{y:.3g}}<extra>{name}</extra>",
    }


def _band(x: NDArray[np.int64], low: Floats, high: Floats) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "± 2 s.d.",
        "x": np.concatenate((x, x[::-1])),
        "y": np.concatenate((low, high[::-1])),
        "fill": "toself",
        "fillcolor": color("theory", 0.1),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _note(text: str) -> dict[str, Any]:
    """How to read the picture, above the plot."""
    return {
        "xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 8,
        "text": text, "showarrow": False, "align": "left", "font": {"size": 13, "color": color("context")},
    }  # fmt: skip


def _corner(text: str) -> dict[str, Any]:
    return {
        "xref": "paper", "yref": "paper", "x": 0.99, "y": 0.97, "xanchor": "right", "yanchor": "top",
        "text": text, "showarrow": False, "font": {"color": color("theory")},
    }  # fmt: skip


def _small(note: dict[str, Any]) -> dict[str, Any]:
    return {**note, "font": {**note["font"], "size": 12}, "text": note["text"].replace(" · ", "<br>")}
