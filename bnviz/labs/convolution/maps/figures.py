"""Pictures of the topic `maps` of the lab `convolution`; each takes the lab's `Result` of that topic."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.convolution.maps.result import Result
from bnviz.labs.convolution.shared.kernels import KINDS, kind_of
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.panels import Panels, heading
from bnviz.plot.primitives import key, largest, note, phone, points, steps
from bnviz.plot.scene import Map, Readout, Row, Scene
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.plot.variants import normalizer_name

Floats = NDArray[np.float64]
Moments = tuple[Floats, Floats]  # means and standard deviations, (C,) each

HEIGHT: Final = 380
SHOWN: Final = 4
ROUNDING: Final = 1e-4  # of a standard deviation: a mean below this is what float32 leaves of 0
LAST: Final = 1.2  # height of the last row, which explains the scale, in terms of the others


def shown(result: Result) -> list[int]:
    """The channels that are drawn: the first four, or the block of four that holds the chosen one."""
    first = result.settings.channel // SHOWN * SHOWN
    return list(range(first, min(first + SHOWN, result.settings.channels)))


def feature_maps(result: Result, language: Language = "en") -> Scene:
    """Every shown channel's map before and after the normalizer, image by image, on one grey scale."""
    _ = translator(language)
    maps = result.maps
    channels = shown(result)
    panels = [panel for channel in channels for panel in _pair(result, channel, _)]
    starts = range(0, len(panels), SHOWN)
    rows = [Row(tuple(panels[start : start + SHOWN]), LAST if start == starts[-1] else 1.0) for start in starts]
    return Scene(
        "feature_maps",
        len(maps.before),
        _("image"),
        tuple(rows),
        [
            _("Channels before and after {normalizer}, all on one scale: black −{reach}, white {reach}.").format(
                normalizer=_title(result, _), reach=short(maps.reach)
            )
        ],
        _alt(result, channels, _),
        height=HEIGHT,
        fps=1,
    )


def _title(result: Result, _: Translate) -> str:
    return normalizer_name(result.settings.normalizer, _)


def _channel(result: Result, channel: int, _: Translate) -> str:
    """The channel's number and its kernel's kind."""
    kind = _(KINDS[kind_of(result.settings.kernels, channel)])
    return _("channel {channel}, {kind}").format(channel=channel, kind=kind)


def _pair(result: Result, channel: int, _: Translate) -> tuple[Map, Map]:
    maps, settings = result.maps, result.settings
    name = _channel(result, channel, _)
    after = _("after")
    if channel == settings.channel:
        after = _(", ").join((after, f"γ {short(settings.gamma)}", f"β {short(settings.beta)}"))
    pair = []
    for place, title, values, bar in (
        ("before", name, maps.before, channel == shown(result)[-1]),
        ("after", after, maps.after, False),
    ):
        mean, std = maps.moments[place][:, channel].T
        mean = np.where(np.abs(mean) > ROUNDING * std, mean, 0.0)
        pair.append(
            Map(
                f"{place}_{channel}",
                title,
                values[:, channel],
                -maps.reach,
                maps.reach,
                readouts=(Readout("μ", mean), Readout("σ", std)),
                bar=bar,
            )
        )
    return pair[0], pair[1]


def _alt(result: Result, channels: list[int], _: Translate) -> str:
    maps = result.maps
    told = _("; ").join(
        _("channel {channel} ({kind}): standard deviation {before} before, {after} after").format(
            channel=channel,
            kind=_(KINDS[kind_of(result.settings.kernels, channel)]),
            before=short(float(maps.before_std[channel])),
            after=short(float(maps.after_std[channel])),
        )
        for channel in channels
    )
    text = _("Feature maps of {images} images before and after {normalizer}, as grey pictures on one scale. {told}.")
    return text.format(images=len(maps.before), normalizer=_title(result, _), told=told)


def histograms(result: Result, language: Language = "en") -> Chart:
    """All values of each shown channel, before and after, on one pair of axes each."""
    _ = translator(language)
    maps, channels = result.maps, shown(result)
    roles: tuple[tuple[Role, str], ...] = (("before", _("before")), ("after", _("after")))
    counted = list(zip((maps.histograms_before, maps.histograms_after), roles, strict=True))
    top = 1.1 * min(2.5, max(float(part.density()[channels].max()) for part, _role in counted))
    ends = [float(maps.histograms_before.edges[0]), float(maps.histograms_before.edges[-1])]
    width = 1 / len(channels)
    panels = Panels()
    for place, channel in enumerate(channels):
        wide = [(place + 0.04) * width, (place + 0.96) * width]
        x = axis("" if place else _("value"), range=ends, domain=wide, tickvals=_inner_ticks(*ends))
        y = axis("" if place else _("density"), range=[0, top], showticklabels=place == 0)
        traces = [steps(part.edges, part.density()[channel], role, name, fill=True) for part, (role, name) in counted]
        panels.add(traces, x, y)
        panels.notes.append(heading(f"<b>{_channel(result, channel, _)}</b>", wide[0], 1, yshift=2))
    words = " · ".join(f"<span style='color:{color(role)}'><b>{name}</b></span>" for role, name in roles)
    panels.notes.append({**key(words), "yshift": 26})
    narrow = phone(panels.notes, l=44, r=8, t=64, b=44) | panels.phone_axes
    narrow["annotations"] = [{**entry, "text": entry["text"].split(",")[0]} for entry in narrow["annotations"]]
    return Chart(
        "histograms",
        panels.traces,
        panels.layout(margin={"l": 64, "r": 16, "t": 64, "b": 52}),
        _histograms_alt(result, channels, _),
        height=320,
        phone_layout=narrow,
    )


def _inner_ticks(low: float, high: float) -> list[float]:
    """Three or so round numbers that stand clear of the axis' ends, where those of the next panel begin."""
    rough = 0.25 * (high - low)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * max(factor for factor in (1, 2, 5) if factor * power <= rough)
    clear = 0.1 * (high - low)
    return [step * number for number in range(math.ceil((low + clear) / step), math.floor((high - clear) / step) + 1)]


def _histograms_alt(result: Result, channels: list[int], _: Translate) -> str:
    maps = result.maps
    told = _("; ").join(
        _("channel {channel}: mean {mean}, standard deviation {std} before, {after_mean} and {after_std} after").format(
            channel=channel,
            mean=short(float(maps.before_mean[channel])),
            std=short(float(maps.before_std[channel])),
            after_mean=short(float(maps.after_mean[channel]), 5e-6),
            after_std=short(float(maps.after_std[channel])),
        )
        for channel in channels
    )
    return _("Histograms of the values of each channel, before and after. {told}.").format(told=told)


def moments(result: Result, language: Language = "en") -> Chart:
    """Mean and standard deviation of every channel before and after; rings: what the formula makes of those before."""
    _ = translator(language)
    maps = result.maps
    before: Moments = (maps.before_mean, maps.before_std)
    after: Moments = (maps.after_mean, maps.after_std)
    ring = {"size": 22, "symbol": "circle-open", "color": color("theory"), "line": {"width": 1.5}}
    traces = [
        points(*before, "before", _("before"), size=13),
        points(*after, "after", _("after"), size=13),
        points(maps.predicted_mean, maps.predicted_std, "theory", _("formula"), marker=ring),
    ]
    notes = [
        key(_("a dot per channel, its number beside it · ring: y = γ(x − μ)/√(σ² + ε) + β of the moments before")),
        *_channel_numbers(before, "before"),
        *_channel_numbers(after, "after"),
    ]
    reach = max(1.5, 1.15 * largest(np.abs(before[0]), np.abs(after[0])))
    return Chart(
        "moments",
        traces,
        layout(
            axis(_("mean of the channel"), range=[-reach, reach]),
            axis(_("standard deviation of the channel"), range=[0, max(1.5, 1.15 * largest(before[1], after[1]))]),
            annotations=notes,
        ),
        _(
            "Mean against standard deviation of every channel. Before: standard deviations from {low} to {high}. "
            "After: from {after_low} to {after_high}."
        ).format(
            low=short(float(maps.before_std.min())),
            high=short(float(maps.before_std.max())),
            after_low=short(float(maps.after_std.min())),
            after_high=short(float(maps.after_std.max())),
        ),
        phone_layout=phone(notes, l=52, r=16, t=64, b=48),
    )


def _channel_numbers(moments: Moments, role: Role) -> list[dict[str, Any]]:
    """Each dot's channel beside it; one for all where they lie on each other."""
    means, stds = moments
    channels = len(means)
    alike = float(np.ptp(means) + np.ptp(stds)) < 0.05
    texts = [f"0–{channels - 1}"] if alike and channels > 1 else [str(channel) for channel in range(channels)]
    corner = {"xanchor": "left", "yanchor": "bottom", "xshift": 7}
    return [
        note(text, role, x=float(mean), y=float(std), **corner)
        for text, mean, std in zip(texts, means, stds, strict=False)
    ]
