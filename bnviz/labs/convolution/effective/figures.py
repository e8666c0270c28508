"""Pictures of the topic `effective` of the lab `convolution`; each takes the lab's `Result` of that topic."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.convolution.effective.result import Result
from bnviz.labs.convolution.shared.kernels import KINDS, kind_of
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import key, line, log_axis, log_range, note, phone, points, steps
from bnviz.plot.theme import SERIES, Role, axis, color, layout

Floats = NDArray[np.float64]
MAX_LINES: Final = 4
MARGIN: Final = {"l": 72, "r": 150, "t": 40, "b": 56}
PHONE_MARGIN: Final = {"l": 52, "r": 96, "t": 84, "b": 48}


def resolution(result: Result, language: Language = "en") -> Chart:
    """Effective sample size against N·H·W as the map gets finer: measured dots, the closed form dashed, and all independent."""
    _ = translator(language)
    worth, settings = result.effective, result.settings
    channels = _channels(result)
    numbers = worth.numbers
    seen = np.concatenate((worth.samples[:, channels].ravel(), worth.theory[:, channels].ravel(), numbers))
    low, high = log_range(seen)
    x_low, x_high = log_range(numbers)
    traces, labels = _worth_by_number(result, _)
    traces = [
        line(numbers, numbers, "context", _("if all were independent"), width=2),
        line([10**x_low, 10**x_high], [settings.batch_size] * 2, "context", _("N images"), width=1, dash="dot"),
        *traces,
    ]
    reference: list[tuple[str, Role, float]] = [
        (_("all independent"), "context", float(np.log10(numbers[-1]))),
        ("N", "context", float(np.log10(settings.batch_size))),
    ]
    how = _("dots: σ² / variance of the batch mean · ± 2 standard errors, 1000 batches · dashed: N·HW/(1 + (HW − 1)ρ̄)")
    notes = [key(how), *end_labels([*reference, *labels], low, high)]
    told = _("; ").join(
        _("{name}: {samples} of {numbers}").format(
            name=_name(result, channel, _), samples=short(float(worth.samples[-1, channel])), numbers=int(numbers[-1])
        )
        for channel in channels
    )
    return Chart(
        "resolution",
        traces,
        layout(
            log_axis(_("numbers in one mean, N·H·W"), x_low, x_high),
            log_axis(_("independent numbers they are worth"), low, high),
            margin=MARGIN,
            annotations=notes,
        ),
        _("Effective sample size of the batch mean against N·H·W. At the finest resolution: {told}.").format(told=told),
        phone_layout=phone(notes, **PHONE_MARGIN),
    )


def _worth_by_number(result: Result, _: Translate) -> tuple[list[dict[str, Any]], list[tuple[str, Role, float]]]:
    """Each drawn channel's closed form and measurement against N·H·W, and its label at the end."""
    worth, traces = result.effective, []
    labels: list[tuple[str, Role, float]] = []
    for role, channel in zip(SERIES, _channels(result), strict=False):
        name = _name(result, channel, _)
        theory, measured = _finite(worth.theory[:, channel]), _finite(worth.samples[:, channel])
        bars = {"type": "data", "array": np.nan_to_num(2 * worth.error[:, channel]), "width": 4, "thickness": 1.5}
        size = 14 if channel == result.settings.channel else 10
        traces += [
            line(worth.numbers, theory, "theory", "", width=1.5, dash="dash"),
            points(worth.numbers, measured, role, name, size=size, error_y=bars),
        ]
        if np.isfinite(last := worth.theory[-1, channel]):
            labels.append((name, role, float(np.log10(last))))
    return traces, labels


def batch_means(result: Result, language: Language = "en") -> Chart:
    """The chosen channel's batch means over 1000 batches, with the normal law of the effective and of the naive size."""
    _ = translator(language)
    worth, c = result.effective, result.settings.channel
    notes = [
        key(
            _(
                "filled: 1000 batch means by nn.BatchNorm2d · dashed: normal law with the effective size · grey: with N·H·W"
            )
        )
    ]
    traces: list[dict[str, Any]] = []
    x = axis(_("batch mean of channel {channel}").format(channel=c))
    y = axis(_("density"))
    if worth.edges.size:
        top = 1.15 * max(float(worth.density.max()), float(worth.predicted.max()))
        traces = [
            steps(worth.edges, worth.density, "before", _("measured"), fill=True),
            line(worth.grid, worth.naive, "context", _("all independent"), width=2),
            line(worth.grid, worth.predicted, "theory", _("effective size"), width=2.5, dash="dash"),
        ]
        x["range"] = [float(worth.edges[0]), float(worth.edges[-1])]
        y["range"] = [
            0,
            2.2 * top if float(worth.naive.max()) > 2.2 * top else max(top, 1.1 * float(worth.naive.max())),
        ]
    else:
        notes.append(
            note(_("Every sample has the same mean: nothing fluctuates."), x=0.5, y=0.5, xref="paper", yref="paper")
        )
    return Chart(
        "batch_means",
        traces,
        layout(x, y, annotations=notes),
        _(
            "Histogram of 1000 batch means of channel {channel}: standard deviation {spread}; independent numbers would "
            "give {naive}."
        ).format(channel=c, spread=short(float(worth.spread[c])), naive=short(float(worth.naive_spread[c]))),
        height=340,
        phone_layout=phone(notes, l=52, r=12, t=84, b=48),
    )


def correlation(result: Result, language: Language = "en") -> Chart:
    """Mean correlation of two pixels of one sample against their distance, by channel; the chosen one in front."""
    _ = translator(language)
    worth = result.effective
    channels = _channels(result)
    traces: list[dict[str, Any]] = [
        line([0, float(worth.distances[-1]) + 0.3], [0, 0], "context", "", width=1),
    ]
    labels = []
    for place, channel in enumerate(channels):
        values = worth.by_distance[channel]
        name = _name(result, channel, _)
        wide = channel == result.settings.channel
        traces.append(
            line(
                worth.distances,
                values,
                SERIES[place],
                name,
                width=3.5 if wide else 1.5,
                marker={"size": 8 if wide else 5},
            )
        )
        labels.append((name, SERIES[place], float(values[-1])))
    low = min(-0.25, float(worth.by_distance[channels].min()) - 0.05)
    notes = [
        key(
            _(
                "distance 0: a pixel with itself · what lies above 0 makes N·H·W worth less · what lies below makes it worth more"
            )
        ),
        *end_labels(labels, low, 1.05),
    ]
    rho = worth.correlation[worth.here]
    told = _("; ").join(
        _name(result, channel, _) + _(": ") + f"ρ̄ = {short(float(rho[channel]))}" for channel in channels
    )
    return Chart(
        "correlation",
        traces,
        layout(
            axis(_("distance of two pixels of one map (pixels)"), range=[-0.1, float(worth.distances[-1]) + 0.3]),
            axis(_("mean correlation"), range=[low, 1.05]),
            margin=MARGIN,
            annotations=notes,
        ),
        _("Correlation of two pixels of one map by distance. {told}.").format(told=told),
        height=340,
        phone_layout=phone(notes, **PHONE_MARGIN),
    )


def channels(result: Result, language: Language = "en") -> Chart:
    """Effective sample size of every channel at the settings' resolution: measured with four standard errors, closed form as ring."""
    _ = translator(language)
    settings = result.settings
    total = settings.batch_size * settings.height * settings.width
    every = np.arange(settings.channels)
    names = [
        f"{channel}<br>{_(KINDS[kind_of(result.settings.kernels, channel)])}" for channel in range(settings.channels)
    ]
    bars = {"type": "data", "array": np.nan_to_num(4 * result.effective_samples_error), "width": 6, "thickness": 2}
    ring = {"size": 22, "symbol": "circle-open", "color": color("theory"), "line": {"width": 1.5}}
    traces: list[dict[str, Any]] = [
        line([-0.5, settings.channels - 0.5], [total, total], "context", "N·H·W", width=2),
        points(every, _finite(result.effective_samples), "after", _("measured"), size=11, error_y=bars),
        points(every, _finite(result.effective_samples_theory), "theory", _("closed form"), marker=ring),
    ]
    low, high = log_range(np.concatenate((result.effective_samples, result.effective_samples_theory, [total])))
    notes = [
        key(_("dot: measured over 1000 batches, ± 4 standard errors · ring: N·HW/(1 + (HW − 1)ρ̄)")),
        note(
            f"<b>N·H·W = {total}</b>",
            x=settings.channels - 0.5,
            y=float(np.log10(total)),
            xanchor="right",
            yanchor="bottom",
        ),
    ]
    told = _(", ").join(
        f"{channel}{_(': ')}"
        + " / ".join(alike(float(result.effective_samples[channel]), float(result.effective_samples_theory[channel])))
        for channel in every
    )
    x = axis(
        _("channel"), range=[-0.6, settings.channels - 0.4], tickvals=every.tolist(), ticktext=names, showgrid=False
    )
    return Chart(
        "channels",
        traces,
        layout(x, log_axis(_("independent numbers"), low, high), annotations=notes),
        _("Effective sample size by channel, measured / closed form, of {total} numbers: {told}.").format(
            total=total, told=told
        ),
        phone_layout=phone(notes, l=52, r=12, t=70, b=64),
    )


def _channels(result: Result) -> list[int]:
    """The channels that are drawn as lines: the chosen one and others of other kinds, at most four in all."""
    settings = result.settings
    chosen = [settings.channel]
    kinds = {kind_of(result.settings.kernels, settings.channel)}
    for fresh in (True, False):
        for channel in range(settings.channels):
            kind = kind_of(result.settings.kernels, channel)
            if (
                len(chosen) < min(MAX_LINES, settings.channels)
                and channel not in chosen
                and (kind not in kinds) == fresh
            ):
                chosen.append(channel)
                kinds.add(kind)
    return sorted(chosen)


def _name(result: Result, channel: int, _: Translate) -> str:
    return _("{channel}: {kind}").format(channel=channel, kind=_(KINDS[kind_of(result.settings.kernels, channel)]))


def _finite(values: Floats) -> Floats:
    """Values with gaps where they are infinite."""
    return np.where(np.isfinite(values), values, np.nan)
