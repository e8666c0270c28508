"""Pictures of the topic `boundaries` of the lab `training`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.training.boundaries.result import Result
from bnviz.labs.training.shared.figures import courses
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short, with_spread
from bnviz.plot.primitives import PHONE_FONT, domain, key, line, note, small
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import Pair, error_curves

Floats = NDArray[np.float64]

CLASSES: Final[tuple[Role, Role]] = ("series_1", "series_5")
SYMBOLS: Final = ("circle", "diamond")


def maps(result: Result, language: Language = "en") -> Chart:
    """What the first seed's network decides everywhere, one panel per variant: its boundary, the best possible one, its points."""
    _ = translator(language)
    count = len(result.variants)
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    columns = 2 if count > 1 else 1
    rows = math.ceil(count / columns)
    for number, name in enumerate(result.variants):
        suffix = "" if number == 0 else str(number + 1)
        panel = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces += _map(result, result.latest[number], panel, _)
        traces += _points(result, panel, _)
        traces += _best(result, panel, _)
        wide, tall = domain(number, count, 0.03), [0.0, 1.0]
        # On a phone two beside each other.
        phone_wide, phone_tall = (
            domain(number % columns, columns, 0.05),
            domain(rows - 1 - number // columns, rows, 0.16),
        )
        ends = [float(result.axis[0]), float(result.axis[-1])]
        axes[f"xaxis{suffix}"] = axis(
            "x₁", range=ends, domain=wide, anchor=f"y{suffix}", nticks=5, showgrid=False, constrain="domain"
        )
        axes[f"yaxis{suffix}"] = axis(
            "x₂" if number == 0 else "",
            range=ends,
            domain=tall,
            anchor=f"x{suffix}",
            nticks=5,
            showgrid=False,
            scaleanchor=f"x{suffix}",
            constrain="domain",
            showticklabels=number == 0,
        )
        phone_axes[f"xaxis{suffix}"] = {"domain": phone_wide, "title": {"text": ""}, "showticklabels": False}
        phone_axes[f"yaxis{suffix}"] = {"domain": phone_tall, "title": {"text": ""}, "showticklabels": False}
        between = ": " if count <= columns else "<br>"
        text = f"<b>{normalizer_name(name, _)}</b>{between}{_accuracy_words(result, number, _)}"
        above = {"xref": "paper", "yref": "paper", "yanchor": "bottom"}
        notes.append(note(text, NORMALIZER_ROLES[name], x=sum(wide) / 2, y=1.0, xanchor="center", **above))
        short_text = f"<b>{_(NORMALIZERS[name])}</b><br>{_accuracy_words(result, number, _)}"
        phone_notes.append(
            note(
                short_text,
                NORMALIZER_ROLES[name],
                x=phone_wide[0],
                y=phone_tall[1],
                xanchor="left",
                align="left",
                **above,
            )
        )
    told = _("after {step} of {total} steps, seed {seed} · line: its boundary").format(
        step=int(result.steps[-1]), total=result.total_steps, seed=result.settings.seed
    )
    if math.isfinite(result.best_accuracy):
        told += " · " + _("dashed: the best possible one")
    tall_titles = count > columns
    words = {**key(told), "yshift": 46 if tall_titles else 26}
    margin = {"l": 56, "r": 12, "t": 82 if tall_titles else 62, "b": 46}
    base = layout(axes.pop("xaxis"), axes.pop("yaxis"), annotations=[*notes, words], margin=margin)
    phone_words = {**small([key(told)])[0], "yshift": 40}
    return Chart(
        "maps",
        traces,
        {**base, **axes},
        _maps_alt(result, _),
        height={3: 370, 4: 310}.get(count, 430),
        phone_height=122 + 172 * rows,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 10, "r": 10, "t": 110, "b": 12},
            "annotations": [*small(phone_notes), phone_words],
            **phone_axes,
        },
    )


def growth(result: Result, language: Language = "en") -> Chart:
    """The same maps at some points of the run, a row per variant."""
    _ = translator(language)
    rows, columns = len(result.variants), 5
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    ends = [float(result.axis[0]), float(result.axis[-1])]
    for row, name in enumerate(result.variants):
        for column, step in enumerate(result.look_steps):
            number = row * columns + column
            suffix = "" if number == 0 else str(number + 1)
            panel = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
            traces += _map(result, result.looks[row, column, ::2, ::2], panel, _, result.axis[::2])
            wide, tall = domain(column, columns, 0.02), domain(rows - 1 - row, rows, 0.06)
            plain = {"range": ends, "showticklabels": False, "ticks": "", "showgrid": False, "constrain": "domain"}
            axes[f"xaxis{suffix}"] = axis("", domain=wide, anchor=f"y{suffix}", **plain)
            axes[f"yaxis{suffix}"] = axis("", domain=tall, anchor=f"x{suffix}", scaleanchor=f"x{suffix}", **plain)
            if row == 0:
                notes.append(
                    note(
                        _("step {step}").format(step=int(step)),
                        "ink",
                        xref="paper",
                        x=sum(wide) / 2,
                        xanchor="center",
                        yref="paper",
                        y=1.0,
                        yanchor="bottom",
                    )
                )
        notes.append(
            note(
                f"<b>{_(NORMALIZERS[name])}</b>",
                NORMALIZER_ROLES[name],
                xref="paper",
                x=0,
                xanchor="right",
                xshift=-10,
                yref="paper",
                y=sum(domain(rows - 1 - row, rows, 0.06)) / 2,
                yanchor="middle",
                textangle=-90,
            )
        )
    base = layout(axes.pop("xaxis"), axes.pop("yaxis"), annotations=notes, margin={"l": 44, "r": 12, "t": 36, "b": 12})
    return Chart(
        "growth",
        traces,
        {**base, **axes},
        _(
            "What seed {seed} decides everywhere in the plane, after {steps} training steps, a row for each of {variants}."
        ).format(
            seed=result.settings.seed,
            steps=", ".join(str(int(step)) for step in result.look_steps),
            variants=", ".join(normalizer_name(name, _) for name in result.variants),
        ),
        height=60 + 175 * rows,
        phone_height=50 + 85 * rows,
        phone_layout={"font": {"size": 10}, "margin": {"l": 26, "r": 4, "t": 26, "b": 6}},
    )


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per variant, over the error that no classifier can beat, dashed."""
    _ = translator(language)
    chart = error_curves(
        "boundary_curves",
        courses(result, _),
        result.epochs,
        result.settings.epochs,
        result.total_steps / result.settings.epochs,
        _,
    )
    least = 100 * (1 - result.best_accuracy)
    if math.isfinite(least) and least >= seeds.LOWEST:
        limit = line(
            [0, result.settings.epochs], [least] * 2, "theory", _("least possible error"), width=1.8, dash="dash"
        )
        chart.data.append(limit)
        words = _("least possible: {error} %").format(error=short(least))
        chart.layout["annotations"].append(
            note(words, "theory", xref="paper", x=0.01, xanchor="left", y=math.log10(least), yanchor="top")
        )
    return chart


def differences(result: Result, language: Language = "en") -> Chart:
    """Differences of test accuracy against the first variant, seed by seed, with their mean, its 95 % interval and the verdict."""
    _ = translator(language)
    pairs = [
        Pair(
            _("{second} − {first}").format(first=_(NORMALIZERS[first]), second=_(NORMALIZERS[second])), values, finding
        )
        for (first, second), values, finding in zip(result.pairs, result.differences, result.findings, strict=True)
    ]
    if not pairs:
        told = _("Choose two variants or more: there is nothing to compare.")
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
        return Chart(
            "boundary_differences",
            [],
            layout(axis(""), axis(""), annotations=[note(told, "ink", **place)]),
            told,
            height=200,
        )
    return seeds.differences("boundary_differences", pairs, result.settings.seed, _)


def limit(result: Result, language: Language = "en") -> Chart:
    """Final test error of every seed against the least possible one."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    least = 100 * (1 - result.best_accuracy)
    names = [normalizer_name(name, _) for name in result.variants]
    if math.isfinite(least):
        names = [_("best possible rule"), *names]
        traces.append(_dots(names[0], 100 * (1 - result.best_hits), "theory"))
        traces.append(
            {
                **line(
                    [-0.5, len(names) - 0.5],
                    [max(least, seeds.LOWEST)] * 2,
                    "theory",
                    _("least possible error"),
                    width=1.8,
                    dash="dash",
                ),
                "xaxis": "x",
            }
        )
    offset = len(names) - len(result.variants)
    for number, name in enumerate(result.variants):
        traces.append(_dots(names[number + offset], 100 * (1 - result.accuracy[number, :, -1]), NORMALIZER_ROLES[name]))
    for place, trace in enumerate(trace for trace in traces if trace["mode"] == "markers"):
        trace["x"] = place + np.linspace(-0.18, 0.18, len(trace["y"]))
    y = axis(
        _("Test error in %"),
        type="log",
        range=[math.log10(seeds.LOWEST) - 0.1, 2.0],
        tickvals=list(seeds.TICKS),
        ticktext=[f"{tick:g}" for tick in seeds.TICKS],
    )
    x = axis("", range=[-0.5, len(names) - 0.5], tickvals=list(range(len(names))), ticktext=names)
    words = key(
        _("one dot per seed, {tested} test points each · dashed: what the law of the points allows").format(
            tested=result.tested
        )
    )
    return Chart(
        "limit",
        traces,
        layout(x, y, annotations=[words]),
        _("Test errors in the end. {parts}. No classifier can do better than {least} % on average.").format(
            parts="; ".join(
                f"{normalizer_name(name, _)}: {_accuracy_words(result, number, _)}"
                for number, name in enumerate(result.variants)
            ),
            least=short(least),
        ),
        height=380,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "annotations": small([words]),
            "margin": {"l": 48, "r": 8, "t": 56, "b": 60},
        },
    )


def _map(
    result: Result, values: Floats, panel: dict[str, str], _: Translate, places: Floats | None = None
) -> list[dict[str, Any]]:
    """P(class 1) as colour, and the line where it is ½."""
    where = result.axis if places is None else places
    scale = [[0, color(CLASSES[0], 0.55)], [0.5, color("paper", 0)], [1, color(CLASSES[1], 0.55)]]
    shared = {"x": where, "y": where, "z": values, "showscale": False, **panel}
    return [
        {
            "type": "heatmap",
            "zmin": 0,
            "zmax": 1,
            "colorscale": scale,
            "zsmooth": "best",
            "name": _("P(class 1)"),
            "hovertemplate": "%{x:.2g}, %{y:.2g}: %{z:.2f}",
            **shared,
        },
        {
            "type": "contour",
            "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
            "hoverinfo": "skip",
            "line": {"color": color("ink"), "width": 2.5},
            "name": _("boundary"),
            "showlegend": False,
            **shared,
        },
    ]


def _best(result: Result, panel: dict[str, str], _: Translate) -> list[dict[str, Any]]:
    if not np.isfinite(result.best).all():
        return []
    return [
        {
            "type": "contour",
            "x": result.axis,
            "y": result.axis,
            "z": result.best,
            "showscale": False,
            "hoverinfo": "skip",
            "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
            "name": _("best possible boundary"),
            "line": {"color": color("theory"), "width": 2, "dash": "dash"},
            "showlegend": False,
            **panel,
        }
    ]


def _points(result: Result, panel: dict[str, str], _: Translate) -> list[dict[str, Any]]:
    size = 7 if len(result.points) <= 300 else 4
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": result.points[result.labels == label, 0],
            "y": result.points[result.labels == label, 1],
            "name": _("class {label}").format(label=label),
            "hoverinfo": "skip",
            "marker": {
                "color": color(CLASSES[label]),
                "size": size,
                "symbol": SYMBOLS[label],
                "line": {"color": color("paper"), "width": 0.8},
            },
            **panel,
        }
        for label in (0, 1)
    ]


def _dots(name: str, errors: Floats, role: Role) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "y": np.maximum(errors, seeds.LOWEST),
        "name": name,
        "marker": {"size": 10, "color": color(role)},
        "hovertemplate": "%{y:.3g} %",
    }


def _accuracy_words(result: Result, number: int, _: Translate) -> str:
    """The first seed's error and, behind it, that of all seeds."""
    error, deviation = 100 * float(result.error.mean[number, -1]), 100 * float(result.error.deviation[number, -1])
    lost = int((result.diverged_at[number] >= 0).sum())
    if not math.isfinite(error):
        return _("diverged")
    words = _("test error {error} %").format(error=with_spread(error, deviation))
    return words + (", " + _("{lost} seeds diverged").format(lost=lost) if lost else "")


def _maps_alt(result: Result, _: Translate) -> str:
    parts = "; ".join(
        f"{normalizer_name(name, _)}: {_accuracy_words(result, number, _)}"
        for number, name in enumerate(result.variants)
    )
    told = _(
        "Decision maps of seed {seed} after {step} steps, one per variant, with the training points. {parts}."
    ).format(seed=result.settings.seed, step=int(result.steps[-1]), parts=parts)
    if math.isfinite(result.best_accuracy):
        told += " " + _("The least possible error is {error} %.").format(error=short(100 * (1 - result.best_accuracy)))
    return told
