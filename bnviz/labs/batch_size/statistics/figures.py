"""What the batch does to batch norm's statistics and output, in the MLP and in the CNN: pictures of the lab `batch_size`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.batch_size.error.figures import size_axis
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, log_axis, log_range, note, points, small, wrapped
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import apart

if TYPE_CHECKING:
    from bnviz.labs.batch_size.error.experiment import Result
    from bnviz.labs.batch_size.statistics.experiment import Statistics

Floats = NDArray[np.float64]

NETWORKS: Final[dict[str, tuple[str, Role]]] = {"mlp": ("MLP", "series_1"), "cnn": ("CNN", "series_4")}
REACH: Final = 3.4  # ends of the axes of the scatter plot, in standard deviations
GAP: Final = 0.09


def outputs(result: Result, language: Language = "en") -> Chart:
    """What batch norm makes of values in batches of `batch_size`, against what it would make of them knowing the population."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    told = []
    for panel, part in enumerate(_both(result)):
        suffix = "" if panel == 0 else "2"
        name, role = NETWORKS[part.network]
        where = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        known = math.isfinite(part.batch_fidelity)
        words = (
            _("{network}: R² = {fidelity}").format(network=name, fidelity=_r2(part.batch_fidelity)) if known else name
        )
        told.append(words if known else f"{name}: {part.refusal}")
        if known:
            traces.append({**line([-REACH, REACH], [-REACH, REACH], "theory", "", dash="dash", width=1.8), **where})
            cloud = points(
                part.truth, part.output, role, name, size=7, hovertemplate="%{x:.2f} → %{y:.2f}<extra></extra>"
            )
            traces.append({**cloud, "opacity": 0.55, **where})
        else:
            middle = {"xref": f"x{suffix}", "yref": f"y{suffix}", "x": 0, "y": 1.4}
            notes.append(note(wrapped(f"ValueError: {part.refusal}", 40), "error", **middle))
            phone_notes.append(notes[-1])
        bound = math.sqrt(part.batch_size - 1)
        if part.pixels == 1 and 0 < bound < REACH:
            traces += [
                {**line([-REACH, REACH], [level] * 2, "context", "", dash="dot", width=1.5), **where}
                for level in (-bound, bound)
            ]
            label = note(
                "√(m − 1)", xref=f"x{suffix}", yref=f"y{suffix}", x=-REACH, xanchor="left", y=bound, yanchor="bottom"
            )
            notes.append(label)
            phone_notes.append(label)
        start = panel * (0.5 + GAP / 2)
        span = [start, start + 0.5 - GAP / 2]
        ends = {
            "range": [-REACH, REACH],
            "tickvals": list(range(-3, 4)),
            "ticktext": [short(tick) for tick in range(-3, 4)],
        }
        axes[f"xaxis{suffix}"] = axis(_("True value (x − μ)/σ"), domain=span, anchor=f"y{suffix}", **ends)
        axes[f"yaxis{suffix}"] = axis(_("Batch norm's output") if not panel else "", anchor=f"x{suffix}", **ends)
        phone_axes[f"xaxis{suffix}"] = {"domain": [0, 1], "title": {"text": ""}}
        tall = [0.56, 1.0] if panel == 0 else [0.0, 0.44]
        phone_axes[f"yaxis{suffix}"] = {"domain": tall, "title": {"text": ""}}
        above = {"xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom"}
        notes.append(note(f"<b>{words}</b>", role, x=span[0], y=1.01, **above))
        phone_notes.append(note(f"<b>{words}</b>", role, x=0, y=tall[1], **above))
    head = _("Batches of {size} · dashed: with the whole population's μ and σ").format(size=result.settings.batch_size)
    base = layout(
        axes.pop("xaxis"), axes.pop("yaxis"), annotations=[*notes, {**key(head), "yshift": 32}],
        margin={"l": 64, "r": 16, "t": 70, "b": 52},
    )  # fmt: skip
    return Chart(
        "outputs",
        traces,
        {**base, **axes},
        _("Output of batch norm against the true standardized value, in batches of {size}. {parts}. R² is the share of a "
          "value's variation that survives.").format(size=result.settings.batch_size, parts="; ".join(told)),
        height=430,
        phone_height=680,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 40, "r": 8, "t": 66, "b": 34}, **phone_axes,
            "annotations": [*phone_notes, *small([{**key(head), "yshift": 24}])],
        },
    )  # fmt: skip


def fidelity(result: Result, language: Language = "en") -> Chart:
    """R² of output and true value by batch size, measured over theory, for both networks."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    for part in _both(result):
        name, role = NETWORKS[part.network]
        traces += _curve(part, part.fidelity, part.fidelity_theory, role, name, _)
        first = _first(part, part.fidelity)
        text = "" if first is None else _("R² = {value} at {size}").format(value=_r2(first[1]), size=first[0])
        labels.append((f"{name}<br>{text}", role, _last(part, part.fidelity_theory)))
    head = _("dots: measured · dashed: theory")
    x = size_axis(np.sort(result.batch_sizes).astype(float), _)
    y = axis(_("R² of output and true value"), range=[0, 1.04], tickformat=".1f")
    phone = [
        f'<span style="color:{color(role)}"><b>{text.replace("<br>", " ")}</b></span>' for text, role, _y in labels
    ]
    return Chart(
        "fidelity",
        traces,
        layout(x, y, annotations=[key(head), *apart(labels, (0, 1.04), 2.6)], margin={"l": 64, "r": 150, "t": 40, "b": 52}),
        _("Squared correlation of batch norm's output with the true value by batch size. {parts}.").format(
            parts="; ".join(text.replace("<br>", ": ") for text, _role, _y in labels)
        ),
        height=390,
        phone_height=400,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 48, "r": 10, "t": 90, "b": 48},
            "annotations": small([key("<br>".join([head, *phone]))]),
        },
    )  # fmt: skip


def noise(result: Result, language: Language = "en") -> Chart:
    """How far batch mean and batch variance are off by batch size, measured over theory, for both networks."""
    _ = translator(language)
    panels = (
        ("mean_noise", _("batch mean, in units of σ")),
        ("variance_noise", _("batch variance, in units of σ²")),
    )
    return _two_panels("noise", result, panels, _("Root mean square error"), _(
        "How far the batch mean and the batch variance are off, by batch size. {parts}."), _)  # fmt: skip


def effective(result: Result, language: Language = "en") -> Chart:
    """How many independent values a batch is worth, behind its mean and behind its variance, against how many it has."""
    _ = translator(language)
    panels = (("effective", _("behind the mean")), ("effective_variance", _("behind the variance")))
    return _two_panels("effective", result, panels, _("Independent values"), _(
        "How many independent values a batch is worth, by batch size. {parts}."), _, counted=True)  # fmt: skip


def _two_panels(
    name: str, result: Result, panels: tuple[tuple[str, str], ...], title: str, alt: str, _: Translate, *, counted: bool = False
) -> Chart:  # fmt: skip
    """Two quantities by batch size on the same log axis; `counted`: with the number of values that the batch has, in grey."""
    traces: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    told: list[str] = []
    axes: dict[str, Any] = {}
    drawn: list[Floats] = []
    for panel, (quantity, words) in enumerate(panels):
        suffix = "" if panel == 0 else "2"
        where = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        for part in _both(result):
            network, role = NETWORKS[part.network]
            measured, theory = getattr(part, quantity), getattr(part, f"{quantity}_theory")
            if counted:
                order = np.argsort(part.batch_sizes)
                count = (part.batch_sizes * part.pixels)[order].astype(float)
                label = _("{network}: values in the batch").format(network=network)
                traces.append({**line(part.batch_sizes[order], count, "context", label, width=6, opacity=0.4), **where})
                drawn.append(count)
            traces += [{**trace, **where} for trace in _curve(part, measured, theory, role, network, _)]
            drawn += [measured, theory]
            first = _first(part, measured)
            if first is not None:
                told.append(f"{words}, {network}: {short(first[1])} ({first[0]})")
        start = panel * (0.5 + GAP / 2)
        span = [start, start + 0.5 - GAP / 2]
        sizes = np.sort(result.batch_sizes).astype(float)
        axes[f"xaxis{suffix}"] = {**size_axis(sizes, _), "domain": span, "anchor": f"y{suffix}"}
        above = {"xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom"}
        notes.append(note(f"<b>{words}</b>", "ink", x=span[0], y=1.01, **above))
    low, high = log_range(np.concatenate(drawn))
    for panel in range(2):
        suffix = "" if panel == 0 else "2"
        axes[f"yaxis{suffix}"] = log_axis(title if panel == 0 else "", low, high, anchor=f"x{suffix}")
    parts = [_("dots: measured"), _("dashed: theory"), *([_("grey: values in the batch")] if counted else [])]
    names = [f'<span style="color:{color(role)}"><b>{network}</b></span>' for network, role in NETWORKS.values()]
    head = {**key("   ".join(names) + "   " + ", ".join(parts)), "yshift": 32}
    base = layout(
        axes.pop("xaxis"), axes.pop("yaxis"), annotations=[*notes, head], margin={"l": 70, "r": 16, "t": 70, "b": 52}
    )
    return Chart(
        name,
        traces,
        {**base, **axes},
        alt.format(parts="; ".join(told)),
        height=400,
        phone_height=340,
        phone_layout={"font": {"size": 11}, "margin": {"l": 48, "r": 8, "t": 64, "b": 44}},
    )


def _both(result: Result) -> tuple[Statistics, Statistics]:
    """The MLP's, then the CNN's."""
    one, other = result.statistics, result.other_statistics
    return (one, other) if one.network == "mlp" else (other, one)


def _curve(
    part: Statistics, measured: Floats, theory: Floats, role: Role, name: str, _: Translate
) -> list[dict[str, Any]]:
    """Dots over a dashed line, by batch size."""
    order = np.argsort(part.batch_sizes)
    sizes = part.batch_sizes[order]
    dashed = line(sizes, theory[order], role, _("{network}, theory").format(network=name), dash="dash", width=2)
    return [dashed, points(sizes, measured[order], role, name, size=11)]


def _first(part: Statistics, values: Floats) -> tuple[int, float] | None:
    """The smallest batch size with a number, and that number."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return None
    place = known[np.argmin(part.batch_sizes[known])]
    return int(part.batch_sizes[place]), float(values[place])


def _last(part: Statistics, values: Floats) -> float:
    """The value at the largest batch size, or 1 where there is none."""
    value = float(values[np.argmax(part.batch_sizes)])
    return value if math.isfinite(value) else 1.0


def _r2(value: float) -> str:
    """R² to two digits, to three near 1."""
    return f"{value:.2f}" if value < 0.95 else f"{value:.3f}"
