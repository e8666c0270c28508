"""What the page "Your model" shows of a recording, finished: arrays of a size that a picture can hold.

Index letters: L layers, T columns (recorded optimizer steps, thinned), K looks, C channels, B bins.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.inspect.evidence import Array
from bnviz.inspect.finding import Finding, Severity
from bnviz.inspect.recording import BINS, QUANTITIES, Histogram, LayerLook, QuantityName, Recording
from bnviz.inspect.sampling import MATTERS

MAX_COLUMNS: Final = 240
MIN_COLUMNS: Final = 60
MAX_CELLS: Final = 16_000
MAX_ROWS: Final = 160
MAX_CHANNELS: Final = 400
MAX_CSV_CELLS: Final = 2_000_000
# Of these the last value of a column counts; of the others the largest, which is the one to worry about.
LAST: Final = frozenset({"gamma", "gradient"})
SHARES: Final = frozenset({"dead", "saturated"})
# Decades that a colour scale spans: smaller values are the darkest, larger ones the lightest. From the data where there is none.
DECADES: Final[Mapping[str, tuple[float, float]]] = {"gap": (-2, 1), "z": (-1, 2), "log_variance_ratio": (-2, 1)}
LIMITS: Final[Mapping[str, float]] = {"gap": MATTERS}


@dataclass(frozen=True)
class Mark:
    """A finding on the picture."""

    number: int
    """Its place in the list, from 1."""
    severity: Severity
    row: int
    """Of `Overview.layers`."""
    first: int
    """First and last column at which it was seen; all of them where it does not say."""
    last: int


@dataclass(frozen=True)
class Overview:
    """One quantity, layers × steps."""

    quantity: QuantityName
    layers: tuple[str, ...]
    """(L,) names, in the order of the model; the findings' and as many others as there is room for."""
    all_layers: int
    """How many the model has."""
    step: NDArray[np.int64]
    """(T,) optimizer steps."""
    values: Array
    """(L, T) held until the next measurement; NaN before the first, and where there is none."""
    level: Array
    """(L, T) for the colour: log₁₀ of `values` within `low` … `high`; of shares the share itself."""
    low: float
    high: float
    logarithmic: bool
    limit: float | None
    """From where on it matters, where there is such a value."""
    marks: tuple[Mark, ...]


def columns(recording: Recording) -> NDArray[np.int64]:
    """(T,) the recorded rows that the pictures show: all of them, or evenly many, and the last."""
    rows = len(recording.step)
    room = MAX_CELLS // max(min(len(recording.norms), MAX_ROWS), 1)
    most = min(max(room, MIN_COLUMNS), MAX_COLUMNS)
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.round(np.linspace(0, rows - 1, most)).astype(np.int64))


def overview(recording: Recording, quantity: QuantityName, chosen: str = "") -> Overview:
    """The heat map's numbers; the layer `chosen` is among them."""
    shown = columns(recording)
    findings = recording.findings
    places = _places(recording, findings, chosen)
    values = _held(_gathered(recording.quantities[quantity][places], shown, last=quantity in LAST))
    logarithmic = quantity not in SHARES
    low, high = DECADES.get(quantity, (0.0, 1.0))
    if logarithmic:
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.log10(np.abs(values))
        level[values == 0] = -math.inf
        if quantity not in DECADES:
            low, high = _decades(level)
    else:
        level = values
    layers = tuple(recording.norms[place].name for place in places)
    return Overview(
        quantity=quantity,
        layers=layers,
        all_layers=len(recording.norms),
        step=recording.step[shown],
        values=values,
        level=np.clip(level, low, high),
        low=low,
        high=high,
        logarithmic=logarithmic,
        limit=LIMITS.get(quantity),
        marks=_marks(findings, layers, recording.step[shown]),
    )


def _places(recording: Recording, findings: Sequence[Finding], chosen: str) -> list[int]:
    """Which layers are shown: all, or those with findings, the chosen one, and evenly many others."""
    count = len(recording.norms)
    if count <= MAX_ROWS:
        return list(range(count))
    wanted = {chosen, *(layer for finding in findings for layer in finding.layers)}
    first = [place for place, norm in enumerate(recording.norms) if norm.name in wanted][: MAX_ROWS // 2]
    others = np.linspace(0, count - 1, MAX_ROWS - len(first)).astype(int)
    return sorted({*first, *others.tolist()})


def _gathered(values: Array, shown: NDArray[np.int64], *, last: bool) -> Array:
    """(L, T) of (L, rows): what a column stands for is the rows since the one before."""
    gathered = np.full((len(values), len(shown)), math.nan)
    begin = 0
    for column, end in enumerate(shown + 1):
        part = values[:, begin:end]
        begin = end
        if part.shape[1] == 1:
            gathered[:, column] = part[:, 0]
        elif last:
            gathered[:, column] = _held(part)[:, -1]
        else:
            gathered[:, column] = np.fmax.reduce(part, axis=1)
    return gathered


def _held(values: Array) -> Array:
    """`values` (L, T) with each NaN replaced by the value before it in its row."""
    where = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    return np.take_along_axis(values, np.maximum.accumulate(where, axis=1), axis=1) if values.size else values


def _decades(level: Array) -> tuple[float, float]:
    finite = level[np.isfinite(level)]
    if not finite.size:
        return -1.0, 0.0
    high = math.ceil(float(finite.max()))
    return float(max(math.floor(float(np.quantile(finite, 0.02))), high - 8, -300)), float(high)


def _marks(findings: Sequence[Finding], layers: tuple[str, ...], step: NDArray[np.int64]) -> tuple[Mark, ...]:
    rows = {name: row for row, name in enumerate(layers)}
    marks = []
    for number, finding in enumerate(findings, start=1):
        first, last = 0, len(step) - 1
        if finding.steps is not None:
            first, last = (int(np.searchsorted(step, at).clip(0, last)) for at in finding.steps)
        marks += [
            Mark(number, finding.severity, rows[layer], first, max(first, last))
            for layer in finding.layers
            if layer in rows
        ]
    return tuple(marks)


@dataclass(frozen=True)
class LayerCourse:
    """One layer through the training, a frame per column of the overview."""

    layer: str
    step: NDArray[np.int64]
    """(T,)"""
    look: NDArray[np.int64]
    """(T,) optimizer step of the look whose histograms the frame shows; −1 before the first."""
    before_edges: Array
    """(B + 1,)"""
    before: Array
    """(T, B) share of the values per bin."""
    after_edges: Array
    after: Array
    numbers: Mapping[QuantityName, Array]
    """(T,) each, as in the overview."""
    seen: bool
    """Whether there is any histogram."""


def layer_course(recording: Recording, layer: str) -> LayerCourse:
    """What was seen of `layer`, which is one of `recording.norms`."""
    shown = columns(recording)
    place = place_of(recording, layer)
    step = recording.step[shown]
    looks = [look for look in recording.looks if look.layers[place].before is not None]
    latest = np.searchsorted([look.step for look in looks], step, side="right") - 1
    sides = {}
    for side in ("before", "after"):
        parts = [getattr(look.layers[place], side) for look in looks]
        edges = _common_edges(parts)
        rows = np.array([_rebinned(part, edges) for part in parts]).reshape(len(parts), BINS)
        sides[side] = edges, np.where(latest[:, None] >= 0, rows[latest], 0.0) if len(rows) else np.zeros((0, BINS))
    steps = np.array([look.step for look in looks], np.int64)
    numbers = {
        name: _held(_gathered(recording.quantities[name][[place]], shown, last=name in LAST))[0] for name in QUANTITIES
    }
    return LayerCourse(
        layer=layer,
        step=step,
        look=np.where(latest >= 0, steps[latest], -1) if looks else np.full(len(step), -1),
        before_edges=sides["before"][0],
        before=sides["before"][1],
        after_edges=sides["after"][0],
        after=sides["after"][1],
        numbers=numbers,
        seen=bool(looks),
    )


def place_of(recording: Recording, layer: str) -> int:
    """Where `layer` stands among the norms; 0 where there is no such layer."""
    return next((place for place, norm in enumerate(recording.norms) if norm.name == layer), 0)


def _common_edges(parts: Sequence[Histogram | None]) -> Array:
    known = [part.edges for part in parts if part is not None]
    low = min((float(edges[0]) for edges in known), default=-1.0)
    high = max((float(edges[-1]) for edges in known), default=1.0)
    return np.linspace(low, high, BINS + 1)


def _rebinned(part: Histogram | None, edges: Array) -> Array:
    """(B,) the histogram on `edges`; within a bin its values are taken to lie evenly."""
    if part is None:
        return np.zeros(BINS)
    below = np.concatenate([[0.0], np.cumsum(part.share)])
    return np.diff(np.interp(edges, part.edges, below))


@dataclass(frozen=True)
class Channels:
    """Running statistics of a layer beside those of a batch, channels ordered by the running value."""

    step: int
    """Of the look."""
    total: int
    """Channels of the layer."""
    mean: Sides
    var: Sides


@dataclass(frozen=True)
class Sides:
    """One statistic, channel by channel, in rising order of the running one."""

    channel: NDArray[np.int64]
    """(C,) number of the channel."""
    running: Array
    """(C,)"""
    batch: Array | None
    """(C,)"""
    low: Array | None
    """(C,) and `high`: where 95 % of the batches are predicted to lie."""
    high: Array | None
    outside: int
    """Channels of the whole layer outside their band."""


def channels(recording: Recording, layer: str, step: int) -> Channels | None:
    """The last look at or before `step` that kept the layer's statistics; else the first after it; None where there is none."""
    place = place_of(recording, layer)
    kept = [look for look in recording.looks if _has_statistics(look.layers[place])]
    if not kept:
        return None
    look = next((look for look in reversed(kept) if look.step <= step), kept[0])
    seen = look.layers[place]
    mean, var = seen.running_mean, seen.running_var
    if mean is None or var is None:  # not with `_has_statistics`
        return None
    fits = seen.compared is not None
    return Channels(
        step=look.step,
        total=mean.size,
        mean=_sides(mean, seen.batch_mean if fits else None, seen.mean_band),
        var=_sides(var, seen.batch_var if fits else None, seen.var_band),
    )


def _has_statistics(seen: LayerLook) -> bool:
    mean, var = seen.running_mean, seen.running_var
    return mean is not None and var is not None and bool(mean.size) and mean.shape == var.shape


def _sides(running: Array, batch: Array | None, band: tuple[Array, Array] | None) -> Sides:
    order = np.argsort(running, kind="stable")
    outside = np.zeros(running.shape, bool)
    if batch is not None and band is not None:
        outside = (batch < band[0]) | (batch > band[1])
    if len(order) > MAX_CHANNELS:
        # Those outside first, then evenly many.
        wanted = order[outside[order]][:MAX_CHANNELS]
        even = order[np.linspace(0, len(order) - 1, MAX_CHANNELS - len(wanted)).astype(int)]
        order = order[np.isin(order, np.concatenate([wanted, even]))]
    low, high = (None, None) if band is None else (band[0][order], band[1][order])
    return Sides(
        channel=order,
        running=running[order],
        batch=None if batch is None else batch[order],
        low=low,
        high=high,
        outside=int(outside.sum()),
    )


def table(recording: Recording) -> str:
    """The recording as CSV: a line per recorded step and layer, a column per quantity; the newest steps where there are too many."""
    count = len(recording.norms)
    rows = range(max(0, len(recording.step) - MAX_CSV_CELLS // max(count * len(QUANTITIES), 1)), len(recording.step))
    text = io.StringIO()
    writer: Any = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "seconds", "layer", *QUANTITIES])
    for row in rows:
        for place, norm in enumerate(recording.norms):
            numbers = [recording.quantities[name][place, row] for name in QUANTITIES]
            cells = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
            writer.writerow([recording.step[row], f"{recording.seconds[row]:.3f}", _inert(norm.name), *cells])
    return text.getvalue()


def _inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t\r" and name else name
