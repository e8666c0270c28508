"""Pictures of the topic `boundaries` of the lab `training`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.training.boundaries.result import Result
from bnviz.labs.training.shared.figures import variant_curves
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short, with_spreads
from bnviz.plot.panels import Panels, heading
from bnviz.plot.primitives import SILENT, domain, key, note, phone, points, theory_line
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
    columns = 2 if count > 1 else 1  # of a phone
    rows = math.ceil(count / columns)
    panels = Panels()
    for number, name in enumerate(result.variants):
        wide = domain(number, count, 0.03)
        narrow = domain(number % columns, columns, 0.05), domain(rows - 1 - number // columns, rows, 0.16)
        bare = {"title": {"text": ""}, "showticklabels": False}
        traces = [*_map(result, result.latest[number], _), *_points(result, _), *_best(result, _)]
        x, y = _plane(result, nticks=5), _plane(result, nticks=5, showticklabels=number == 0)
        x |= {"domain": wide, "title": {**x["title"], "text": "x₁"}}
        y |= {"domain": [0.0, 1.0], "title": {**y["title"], "text": "x₂" if number == 0 else ""}}
        panels.add(traces, x, y, ({"domain": narrow[0], **bare}, {"domain": narrow[1], **bare}), square=True)
        role, reached = NORMALIZER_ROLES[name], _accuracy_words(result, number, _)
        text = f"<b>{normalizer_name(name, _)}</b>{_(': ') if count <= columns else '<br>'}{reached}"
        panels.notes.append({**heading(text, sum(wide) / 2, 1.0, role), "xanchor": "center"})
        text = f"<b>{_(NORMALIZERS[name])}</b><br>{reached}"
        panels.phone_notes.append(heading(text, narrow[0][0], narrow[1][1], role, align="left"))
    told = _("after {step} of {total} steps, seed {seed} · line: its boundary").format(
        step=int(result.steps[-1]), total=result.total_steps, seed=result.settings.seed
    )
    if math.isfinite(result.best_accuracy):
        told += " · " + _("dashed: the best possible one")
    lift = 20 if count > columns else 0  # the titles have two lines
    panels.notes.append({**key(told), "yshift": 26 + lift})
    panels.phone_notes.append({**key(told), "yshift": 40})
    return Chart(
        "maps",
        panels.traces,
        panels.layout(margin={"l": 56, "r": 12, "t": 62 + lift, "b": 46}),
        _maps_alt(result, _),
        height={3: 370, 4: 310}.get(count, 430),
        phone_height=122 + 172 * rows,
        phone_layout=phone(panels.phone_notes, l=10, r=10, t=110, b=12) | panels.phone_axes,
    )


def growth(result: Result, language: Language = "en") -> Chart:
    """The same maps at some points of the run, a row per variant."""
    _ = translator(language)
    rows, columns = len(result.variants), 5
    panels = Panels()
    for row, name in enumerate(result.variants):
        tall = domain(rows - 1 - row, rows, 0.06)
        for column, step in enumerate(result.look_steps):
            wide = domain(column, columns, 0.02)
            traces = _map(result, result.looks[row, column, ::2, ::2], _, result.axis[::2])
            plane = _plane(result, showticklabels=False, ticks="")
            panels.add(traces, plane | {"domain": wide}, plane | {"domain": tall}, square=True)
            if row == 0:
                text = _("step {step}").format(step=int(step))
                panels.notes.append({**heading(text, sum(wide) / 2, 1.0), "xanchor": "center"})
        turned = {"xanchor": "right", "yanchor": "middle", "xshift": -10, "textangle": -90}
        text = f"<b>{_(NORMALIZERS[name])}</b>"
        panels.notes.append({**heading(text, 0, sum(tall) / 2, NORMALIZER_ROLES[name]), **turned})
    return Chart(
        "growth",
        panels.traces,
        panels.layout(margin={"l": 44, "r": 12, "t": 36, "b": 12}),
        _(
            "What seed {seed} decides everywhere in the plane, after {steps} training steps, a row for each of {variants}."
        ).format(
            seed=result.settings.seed,
            steps=_(", ").join(str(int(step)) for step in result.look_steps),
            variants=_(", ").join(normalizer_name(name, _) for name in result.variants),
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
        variant_curves(result, _),
        result.epochs,
        result.settings.epochs,
        result.total_steps / result.settings.epochs,
        _,
    )
    least = 100 * (1 - result.best_accuracy)
    if math.isfinite(least) and least >= seeds.LOWEST:
        chart.data.append(theory_line([0, result.settings.epochs], [least] * 2, _("least possible error")))
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
    least = 100 * (1 - result.best_accuracy)
    errors: list[tuple[str, Floats, Role]] = [
        (normalizer_name(name, _), 100 * (1 - result.accuracy[number, :, -1]), NORMALIZER_ROLES[name])
        for number, name in enumerate(result.variants)
    ]
    if math.isfinite(least):
        errors.insert(0, (_("best possible rule"), 100 * (1 - result.best_hits), "theory"))
    traces = [_dots(number, *row) for number, row in enumerate(errors)]
    names, ends = [name for name, *_rest in errors], [-0.5, len(errors) - 0.5]
    if math.isfinite(least):
        traces.insert(1, theory_line(ends, [max(least, seeds.LOWEST)] * 2, _("least possible error")))
    words = key(
        _("one dot per seed, {tested} test points each · dashed: what the law of the points allows").format(
            tested=result.tested
        )
    )
    y = seeds.error_axis(_)
    y["range"] = [math.log10(seeds.LOWEST) - 0.1, 2.0]
    return Chart(
        "limit",
        traces,
        layout(axis("", range=ends, tickvals=list(range(len(names))), ticktext=names), y, annotations=[words]),
        _("Final test errors. {parts}. No classifier can do better than {least} % on average.").format(
            parts=_("; ").join(
                normalizer_name(name, _) + _(": ") + _accuracy_words(result, number, _)
                for number, name in enumerate(result.variants)
            ),
            least=short(least),
        ),
        height=380,
        phone_layout=phone([words], l=48, r=8, t=56, b=60),
    )


def _plane(result: Result, **options: Any) -> dict[str, Any]:
    """An axis of the plane that the points lie in."""
    ends = [float(result.axis[0]), float(result.axis[-1])]
    return axis("", range=ends, showgrid=False, constrain="domain", **options)


def _map(result: Result, values: Floats, _: Translate, places: Floats | None = None) -> list[dict[str, Any]]:
    """P(class 1) as colour, and the line where it is ½."""
    where = result.axis if places is None else places
    heat = {
        "type": "heatmap",
        "x": where,
        "y": where,
        "z": values,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, color(CLASSES[0], 0.55)], [0.5, color("paper", 0)], [1, color(CLASSES[1], 0.55)]],
        "showscale": False,
        "zsmooth": "best",
        "name": _("P(class 1)"),
        "hovertemplate": "%{x:.2g}, %{y:.2g}: %{z:.2f}",
    }
    return [heat, _boundary(where, values, _("boundary"), {"color": color("ink"), "width": 2.5})]


def _best(result: Result, _: Translate) -> list[dict[str, Any]]:
    """The line that the best possible classifier draws, where it is known."""
    if not np.isfinite(result.best).all():
        return []
    look = {"color": color("theory"), "width": 2, "dash": "dash"}
    return [_boundary(result.axis, result.best, _("best possible boundary"), look)]


def _boundary(where: Floats, values: Floats, name: str, look: dict[str, Any]) -> dict[str, Any]:
    """The line where a probability is ½."""
    return {
        "type": "contour",
        "x": where,
        "y": where,
        "z": values,
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": look,
        "name": name,
        "showlegend": False,
        "showscale": False,
        "hoverinfo": "skip",
    }


def _points(result: Result, _: Translate) -> list[dict[str, Any]]:
    """The training points, class by class."""
    traces = []
    for label, (role, symbol) in enumerate(zip(CLASSES, SYMBOLS, strict=True)):
        x, y = result.points[result.labels == label].T
        look = {
            "color": color(role),
            "size": 7 if len(result.points) <= 300 else 4,
            "symbol": symbol,
            "line": {"color": color("paper"), "width": 0.8},
        }
        traces.append(points(x, y, role, _("class {label}").format(label=label), marker=look, **SILENT))
    return traces


def _dots(place: int, name: str, errors: Floats, role: Role) -> dict[str, Any]:
    """One dot per seed, beside each other around `place`."""
    x = place + np.linspace(-0.18, 0.18, len(errors))
    return points(x, np.maximum(errors, seeds.LOWEST), role, name, size=10, hovertemplate="%{y:.3g} %")


def _accuracy_words(result: Result, number: int, _: Translate) -> str:
    """The first seed's error and, behind it, that of all seeds."""
    errors = 100 * result.error.mean[:, -1], 100 * result.error.deviation[:, -1]
    told = with_spreads(*(list(map(float, part)) for part in errors))
    lost = int((result.diverged_at[number] >= 0).sum())
    if not math.isfinite(errors[0][number]):
        return _("diverged")
    words = _("test error {error} %").format(error=told[number])
    return clauses(words, _("{lost} seeds diverged").format(lost=lost), _) if lost else words


def _maps_alt(result: Result, _: Translate) -> str:
    parts = _("; ").join(
        normalizer_name(name, _) + _(": ") + _accuracy_words(result, number, _)
        for number, name in enumerate(result.variants)
    )
    told = _(
        "Decision maps of seed {seed} after {step} steps, one per variant, with the training points. {parts}."
    ).format(seed=result.settings.seed, step=int(result.steps[-1]), parts=parts)
    if math.isfinite(result.best_accuracy):
        told += " " + _("The least possible error is {error} %.").format(error=short(100 * (1 - result.best_accuracy)))
    return told
