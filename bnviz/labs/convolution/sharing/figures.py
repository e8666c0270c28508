"""Pictures of the topic `sharing` of the lab `convolution`; each takes the lab's `Result`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, closed_up, in_brackets, translator
from bnviz.labs.convolution.sharing.result import Result, Sharing
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, log_axis, note, phone, points
from bnviz.plot.scene import Cube, Readout, Row, Scene
from bnviz.plot.theme import axis, color, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name

HEIGHT: Final = 335
SECONDS: Final = 40  # that playing through all elements takes
MAX_DOTS: Final = 60


def cubes(result: Result, language: Language = "en") -> Scene:
    """The tensor four times: all that share a mean and a variance with the picked element, by normalizer."""
    _ = translator(language)
    frames = result.x.size
    panels = tuple(_cube(name, sharing, result, _) for name, sharing in result.sharing.items())
    return Scene(
        "cubes",
        frames,
        _("element"),
        (Row(panels),),
        [_caption(result, _)],
        _alt(result, _),
        height=HEIGHT,
        fps=max(4.0, frames / SECONDS),
    )


def _cube(name: str, sharing: Sharing, result: Result, _: Translate) -> Cube:
    places = sharing.membership.ravel()
    mean, variance = sharing.statistics[places].T
    return Cube(
        name,
        _title(name, result, _),
        result.settings.shape,
        sharing.membership,
        NORMALIZER_ROLES[name],
        name == result.settings.normalizer,
        _("{statistics} means × {elements} numbers").format(
            elements=sharing.elements_per_statistic, statistics=len(sharing.statistics)
        ),
        (Readout("μ", mean), Readout("σ", np.sqrt(variance))),
    )


def _title(name: str, result: Result, _: Translate) -> str:
    title = normalizer_name(name, _)
    return in_brackets(title, f"G = {result.settings.groups}", _) if name == "group" else title


def _caption(result: Result, _: Translate) -> str:
    shape = ", ".join(str(size) for size in result.settings.shape)
    text = _("(N, C, H, W) = ({shape}). Coloured: all that share their mean with the number picked.")
    told = text.format(shape=shape)
    if "group" not in result.sharing:
        told += " " + _("PyTorch refuses {groups} groups of {channels} channels.").format(
            groups=result.settings.groups, channels=result.settings.channels
        )
    for name, sharing in result.sharing.items():
        if sharing.refusal:
            told += " " + _("PyTorch refuses to train {normalizer} here: one number per mean.").format(
                normalizer=_title(name, result, _)
            )
    return closed_up(told)


def _alt(result: Result, _: Translate) -> str:
    told = _("; ").join(
        _("{normalizer}: {statistics} means of {elements} numbers each").format(
            normalizer=_title(name, result, _),
            statistics=len(sharing.statistics),
            elements=sharing.elements_per_statistic,
        )
        for name, sharing in result.sharing.items()
    )
    text = _(
        "A box of {count} elements for each normalizer; those that share the picked element's mean are lit. {told}."
    )
    return text.format(count=result.x.size, told=told)


def counts(result: Result, language: Language = "en") -> Chart:
    """Statistics against elements per statistic, both logarithmic: every normalizer lies on the line S·E = N·C·H·W."""
    _ = translator(language)
    total = result.x.size
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [1, total],
            "y": [total, 1],
            "hoverinfo": "skip",
            "line": {"color": color("theory"), "width": 1.5, "dash": "dash"},
        }
    ]
    notes = [key(_("dots: the normalizers · dashed: S × E = N·C·H·W = {total}").format(total=total))]
    ordered = sorted(result.sharing.items(), key=lambda item: item[1].elements_per_statistic)
    for place, (name, sharing) in enumerate(ordered):
        S, E = len(sharing.statistics), sharing.elements_per_statistic
        role, title = NORMALIZER_ROLES[name], _title(name, result, _)
        traces.append(points([E], [S], role, title, size=16))
        # On both sides of the line in turn: neighbours may stand close.
        beside: dict[str, Any] = (
            {"xanchor": "right", "yanchor": "top", "xshift": -10, "yshift": -4, "align": "right"}
            if place % 2
            else {"xanchor": "left", "yanchor": "bottom", "xshift": 10, "yshift": 4, "align": "left"}
        )
        text = f"<b>{title}</b><br>{S} × {E}"
        notes.append(note(text, role, x=float(np.log10(E)), y=float(np.log10(S)), **beside))
    top = float(np.log10(max(total, 10)))
    told = _(", ").join(
        f"{_title(name, result, _)} {len(sharing.statistics)} × {sharing.elements_per_statistic}"
        for name, sharing in result.sharing.items()
    )
    return Chart(
        "counts",
        traces,
        layout(
            log_axis(_("numbers that share one mean, E"), -0.05, top + 0.45),
            log_axis(_("means (and variances) kept, S"), -0.15, top + 0.2),
            annotations=notes,
        ),
        _("Means times numbers that share each: {told}; always {total}.").format(told=told, total=total),
        phone_layout=phone(notes, l=52, r=12, t=56, b=48),
    )


def values(result: Result, language: Language = "en") -> Chart:
    """Mean and standard deviation of every statistic, by normalizer: the fewer share, the more they differ."""
    _ = translator(language)
    names = list(result.sharing)
    traces, ticks = [], []
    for place, name in enumerate(names):
        sharing = result.sharing[name]
        mean, variance = sharing.statistics[:MAX_DOTS].T
        spread = (np.arange(len(mean)) + 0.5) / len(mean) * 0.8 - 0.4
        bars = {"type": "data", "array": np.sqrt(variance), "width": 0, "thickness": 1.5}
        role = NORMALIZER_ROLES[name]
        traces.append(points(place + spread, mean, role, _title(name, result, _), size=8, error_y=bars))
        ticks.append(_title(name, result, _))
    notes = [key(_("dot: a mean μ · bar: ± σ of the numbers that share it"))]
    told = _("; ").join(
        _("{normalizer} from {low} to {high}").format(
            normalizer=_title(name, result, _),
            low=short(float(result.sharing[name].statistics[:, 0].min())),
            high=short(float(result.sharing[name].statistics[:, 0].max())),
        )
        for name in names
    )
    x = axis("", tickvals=list(range(len(names))), ticktext=ticks, range=[-0.6, len(names) - 0.4], showgrid=False)
    return Chart(
        "values",
        traces,
        layout(x, axis(_("mean and standard deviation")), annotations=notes),
        _("The means of all statistics: {told}.").format(told=told),
        phone_layout=phone(notes, l=52, r=12, t=56, b=64)
        | {
            "xaxis": {
                "tickfont": {"size": 12},
                "tickangle": 0,
                "ticktext": [text.replace(" ", "<br>", 1) for text in ticks],
            },
        },
    )
