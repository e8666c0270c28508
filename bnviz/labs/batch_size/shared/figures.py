"""Pictures that both topics of the lab `batch_size` have: what the batch does to batch norm's statistics, in the MLP and in the CNN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, clauses, in_brackets, translator
from bnviz.labs.batch_size.shared.parameters import NetworkName
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.panels import Panels, heading
from bnviz.plot.primitives import domain, key, line, log_axis, log_range, points, small
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import apart

Floats = NDArray[np.float64]

NETWORKS: Final[dict[str, tuple[str, Role]]] = {"mlp": ("MLP", "series_1"), "cnn": ("CNN", "series_4")}
GAP: Final = 0.09


class WithStatistics(Protocol):
    """A result with the statistics of both networks."""

    @property
    def batch_sizes(self) -> NDArray[np.int64]:
        """(B,): samples."""

    def both_statistics(self) -> Mapping[NetworkName, Statistics]:
        """What was measured and predicted in each network."""


class Quantity(NamedTuple):
    """A property of `Statistics` by batch size, measured, and with `_theory` behind its name predicted."""

    name: str
    """The property's."""
    title: str
    """Above its panel."""


def fidelity(result: WithStatistics, language: Language = "en") -> Chart:
    """R² of output and true value by batch size, measured over theory, for both networks."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    for part in result.both_statistics().values():
        name, role = NETWORKS[part.network]
        traces += _curve(part, part.fidelity, part.fidelity_theory, role, name, _)
        last = _largest_known(part, part.fidelity)
        text = "" if last is None else _("R² = {value} at {size}").format(value=r_squared(last[1]), size=last[0])
        labels.append((f"{name}<br>{text}", role, _height(part, part.fidelity_theory)))
    head = _("dots: measured · dashed: theory")
    phone_head = [
        head,
        *(f'<span style="color:{color(role)}"><b>{text.replace("<br>", " ")}</b></span>' for text, role, _y in labels),
    ]
    return Chart(
        "fidelity",
        traces,
        layout(
            size_axis(np.sort(result.batch_sizes).astype(float), _),
            axis(_("R² of output and true value"), range=[0, 1.04], tickformat=".1f"),
            annotations=[key(head), *apart(labels, (0, 1.04), 2.6)],
            margin={"l": 64, "r": 150, "t": 40, "b": 52},
        ),
        _("Squared correlation of batch norm's output with the true value by batch size. {parts}.").format(
            parts=_("; ").join(text.replace("<br>", _(": ")) for text, _role, _y in labels)
        ),
        height=390,
        phone_height=400,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 48, "r": 10, "t": 90, "b": 48},
            "annotations": small([key("<br>".join(phone_head))]),
        },
    )


def noise(result: WithStatistics, language: Language = "en") -> Chart:
    """How far batch mean and batch variance are off by batch size, measured over theory, for both networks."""
    _ = translator(language)
    quantities = (
        Quantity("mean_noise", _("batch mean, in units of σ")),
        Quantity("variance_noise", _("batch variance, in units of σ²")),
    )
    alt = _("How far the batch mean and the batch variance are off, by batch size. {parts}.")
    return two_quantities("noise", result, quantities, _("Root mean square error"), alt, _)


def two_quantities(
    name: str,
    result: WithStatistics,
    quantities: tuple[Quantity, Quantity],
    title: str,
    alt: str,
    _: Translate,
    *,
    counted: bool = False,
) -> Chart:
    """Two quantities by batch size on the same log axis; `counted`: with the number of values that the batch has, in grey."""
    panels = Panels()
    sizes = np.sort(result.batch_sizes).astype(float)
    low, high = log_range(np.concatenate([values for one in quantities for values in _drawn(result, one, counted)]))
    for panel, quantity in enumerate(quantities):
        wide = domain(panel, 2, GAP)
        y = log_axis(title if panel == 0 else "", low, high)
        panels.add(_panel(result, quantity, counted, _), size_axis(sizes, _) | {"domain": wide}, y)
        panels.notes.append(heading(f"<b>{quantity.title}</b>", wide[0], 1.01))
    names = [f'<span style="color:{color(role)}"><b>{network}</b></span>' for network, role in NETWORKS.values()]
    how = [_("dots: measured"), _("dashed: theory"), *([_("grey: values in the batch")] if counted else [])]
    panels.notes.append({**key("   ".join(names) + "   " + _("; ").join(how)), "yshift": 32})
    return Chart(
        name,
        panels.traces,
        panels.layout(margin={"l": 70, "r": 16, "t": 70, "b": 52}),
        alt.format(parts=_("; ").join(sentence for one in quantities for sentence in _first_values(result, one, _))),
        height=400,
        phone_height=340,
        phone_layout={"font": {"size": 11}, "margin": {"l": 48, "r": 8, "t": 64, "b": 44}},
    )


def size_axis(sizes: Floats, _: Translate) -> dict[str, Any]:
    """The batch sizes (B,) on a logarithmic axis, each with a tick."""
    low, high = math.log10(float(sizes.min())), math.log10(float(sizes.max()))
    margin = max(0.06 * (high - low), 0.08)
    ticks = {"tickvals": sizes.tolist(), "ticktext": [f"{size:.0f}" for size in sizes]}
    return axis(_("Batch size (samples)"), type="log", range=[low - margin, high + margin], **ticks)


def r_squared(value: float) -> str:
    """R² to two digits, to three near 1."""
    return f"{value:.2f}" if value < 0.95 else f"{value:.3f}"


def _values(part: Statistics, quantity: Quantity) -> tuple[Floats, Floats]:
    """(B,) measured and in theory."""
    return getattr(part, quantity.name), getattr(part, f"{quantity.name}_theory")


def _drawn(result: WithStatistics, quantity: Quantity, counted: bool) -> list[Floats]:
    """Everything that a panel shows."""
    seen: list[Floats] = []
    for part in result.both_statistics().values():
        seen += [*_values(part, quantity), *([(part.batch_sizes * part.pixels).astype(float)] if counted else [])]
    return seen


def _panel(result: WithStatistics, quantity: Quantity, counted: bool, _: Translate) -> list[dict[str, Any]]:
    """Both networks' curves; `counted`: over the number of values in the batch."""
    traces: list[dict[str, Any]] = []
    for part in result.both_statistics().values():
        network, role = NETWORKS[part.network]
        if counted:
            order = np.argsort(part.batch_sizes)
            count = (part.batch_sizes * part.pixels)[order].astype(float)
            label = _("{network}: values in the batch").format(network=network)
            traces.append(line(part.batch_sizes[order], count, "context", label, width=6, opacity=0.4))
        traces += _curve(part, *_values(part, quantity), role, network, _)
    return traces


def _first_values(result: WithStatistics, quantity: Quantity, _: Translate) -> list[str]:
    """What was measured at the smallest batch size with a number, in words, for both networks."""
    sentences = []
    for part in result.both_statistics().values():
        measured = _values(part, quantity)[0]
        known = np.flatnonzero(np.isfinite(measured))
        if known.size:
            first = known[np.argmin(part.batch_sizes[known])]
            value, size = short(float(measured[first])), int(part.batch_sizes[first])
            sentences.append(
                clauses(quantity.title, NETWORKS[part.network][0], _) + _(": ") + in_brackets(value, str(size), _)
            )
    return sentences


def _curve(
    part: Statistics, measured: Floats, theory: Floats, role: Role, name: str, _: Translate
) -> list[dict[str, Any]]:
    """Dots over a dashed line, by batch size."""
    order = np.argsort(part.batch_sizes)
    sizes = part.batch_sizes[order]
    dashed = line(sizes, theory[order], role, _("{network}, theory").format(network=name), dash="dash", width=2)
    return [dashed, points(sizes, measured[order], role, name, size=11)]


def _largest_known(part: Statistics, values: Floats) -> tuple[int, float] | None:
    """The largest batch size with a number, where a curve ends, and that number."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return None
    last = known[np.argmax(part.batch_sizes[known])]
    return int(part.batch_sizes[last]), float(values[last])


def _height(part: Statistics, values: Floats) -> float:
    """The value at the largest batch size, or 1 where there is none."""
    value = float(values[np.argmax(part.batch_sizes)])
    return value if math.isfinite(value) else 1.0
