"""A recording of a watched training, read: typed, bounded, without PyTorch. The page "Your model" is made from this.

Index letters: L normalization layers, T rows (recorded optimizer steps), K looks, C channels of a layer, B bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase, shortened
from bnviz.i18n import N_
from bnviz.inspect.chains import Chains, read_chains
from bnviz.inspect.evidence import Array, Call, Course, Drawn, Evidence, Kind, Norm, Setup
from bnviz.inspect.finding import Finding
from bnviz.inspect.frames import MAX_BYTES, Frame, RecordingError, frames
from bnviz.inspect.gaps import output_gap
from bnviz.inspect.report import Report
from bnviz.inspect.rule import judge
from bnviz.inspect.sampling import normal_quantile
from bnviz.theory.running import squared_weights

QuantityName = Literal["gap", "z", "log_variance_ratio", "dead", "saturated", "gamma", "gradient"]
QUANTITIES: Final[tuple[QuantityName, ...]] = get_args(QuantityName)
QUANTITY_NAMES: Final[Mapping[QuantityName, str]] = {
    "gap": N_("train-eval gap of the layer's outputs, in standard deviations"),
    "z": N_("|z| of the batch mean (RMS over channels)"),
    "log_variance_ratio": N_("|log(batch variance / running variance)| (RMS over channels)"),
    "dead": N_("share of channels that are never above zero"),
    "saturated": N_("share of outputs beyond ±2.18, where the slope of tanh is below 5 %"),
    "gamma": N_("|γ| (RMS over channels)"),
    "gradient": N_("gradient at the layer's outputs (RMS)"),
}
BINS: Final = 32
SATURATES: Final = 2.18  # beyond it tanh's slope is below 5 % of its largest
MAX_LAYERS: Final = 5000
MAX_RANKS: Final = 64
MAX_LAYER_LOOKS: Final = 40_000  # looks times layers that are unpacked; of more, evenly many and the last
MAX_SIZES: Final = 8  # of batches that are told apart
ROW_ARRAYS: Final = ("updates", "most_updates", "training", "with_gradient", "without", "scatter", "n", "per_pass")
CHANNEL_ARRAYS: Final = ("mean", "var", "between", "var_error", "output_largest")
STATE_ARRAYS: Final = ("running_mean", "running_var", "gamma", "beta")
BAND: Final = 0.95  # of the batches lie within the predicted band of one channel


@dataclass(frozen=True)
class Histogram:
    """Values of one layer at one look."""

    edges: Array
    """(B + 1,)"""
    share: Array
    """(B,) share of the values per bin; sums to 1 but for rounding."""


@dataclass(frozen=True)
class LayerLook:
    """One layer at one look; None where it was not measured, or thinned out."""

    before: Histogram | None
    """Of the layer's inputs."""
    after: Histogram | None
    """Of its outputs."""
    running_mean: Array | None
    """(C,) before or after the look's batch, as the optimizer stepped."""
    running_var: Array | None
    batch_mean: Array | None
    """(C,) of the batch that was looked at."""
    batch_var: Array | None
    """(C,) unbiased, as PyTorch stores it."""
    gamma: Array | None
    beta: Array | None
    calls: int
    """How often the layer was called between two optimizer steps."""
    norm: Norm
    """Its configuration, as it was when the watch began."""
    call: Call | None
    """The batch that was looked at."""

    @property
    def compared(self) -> tuple[Array, Array, Call] | None:
        """(C,) running mean and variance, and the batch beside them; None where one of them is not known."""
        mean, var, call = self.running_mean, self.running_var, self.call
        if call is None or mean is None or var is None or not mean.shape == var.shape == call.mean.shape:
            return None
        return mean, var, call

    @cached_property
    def bands(self) -> tuple[tuple[Array, Array], tuple[Array, Array]] | None:
        """See `predicted_bands`."""
        return None if self.compared is None else predicted_bands(self.norm, *self.compared)

    @property
    def mean_band(self) -> tuple[Array, Array] | None:
        """(C,) each: where 95 % of the batch means are predicted to lie."""
        return None if self.bands is None else self.bands[0]

    @property
    def var_band(self) -> tuple[Array, Array] | None:
        """(C,) each: the same for the batch variance (normal approximation on the log scale)."""
        return None if self.bands is None else self.bands[1]

    def scores(self) -> Mapping[QuantityName, float]:
        """`z`, `log_variance_ratio` and `gap` of the batch; nothing where one side is not known."""
        if self.compared is None or not self.compared[0].size:
            return {}
        mean, var, call = self.compared
        used = np.maximum(var, 0.0) + self.norm.eps
        with np.errstate(all="ignore"):
            gap = output_gap(call.mean, call.unbiased, mean, var, self.norm.eps)
            return {
                "z": _rms((call.mean - mean) / np.sqrt(used * _noise(self.norm) / max(call.n, 1))),
                "log_variance_ratio": _rms(np.log((call.unbiased + self.norm.eps) / used)),
                "gap": math.sqrt(max(float(np.mean(gap)), 0.0)),
            }


@dataclass(frozen=True)
class Look:
    """One step at which the layers were looked into."""

    step: int
    layers: tuple[LayerLook, ...]
    """In the order of `Recording.norms`."""


@dataclass(frozen=True)
class Recording:
    """What a file holds."""

    model: str
    """Class name."""
    norms: tuple[Norm, ...]
    """Layers in order, with the parameters and statistics of the last look that kept them."""
    step: NDArray[np.int64]
    """(T,) optimizer steps done."""
    seconds: Array
    """(T,) since the watch began."""
    quantities: Mapping[QuantityName, Array]
    """(L, T) each: layers × rows; NaN where it was not measured."""
    course: Course
    looks: tuple[Look, ...]
    calls: Mapping[str, tuple[Call, ...]]
    """Of the last look that kept its channels, by layer."""
    setup: Setup
    finished: bool
    """Whether the watch was closed; else the training goes on, or broke off."""
    compiled: bool
    """Buffers only: nobody may look into a compiled model."""
    rank: int = 0
    means: Mapping[str, Array] = field(default_factory=dict)
    """(C,) average over looks of each layer's batch mean."""
    mean_looks: int = 0
    at_end: tuple[Norm, ...] = ()
    """The layers as they stood when the watch was closed; empty where it was not."""
    chains: Chains | None = None
    """Which layers feed each other; None where no look saw a pass of the whole model, or an older bnviz has written."""

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the rules say about it. Raises: RecordingError for numbers that no training gives."""
        with _only_recording_errors():
            return judge(self.evidence())

    def evidence(self) -> Evidence:
        """As the rules want it."""
        return Evidence(norms=self.norms, calls=self.calls, setup=self.setup, course=self.course, at_end=self.at_end)

    def report(self) -> Report:
        """The findings as a report."""
        looked = Phrase(
            N_("Watched: normalization layers {layers}, optimizer steps {steps}, snapshots {looks}."),
            {"layers": len(self.norms), "steps": int(self.step[-1]) if len(self.step) else 0, "looks": len(self.looks)},
        )
        return Report(self.findings, tuple(norm.name for norm in self.norms), looked)


def read(source: Path | str | bytes, siblings: Sequence[Path | str | bytes] = ()) -> Recording:
    """Read a recording from a file or its bytes; `siblings` are those of the other ranks of the same training.

    A file that is being written is read up to its last whole frame. Raises: RecordingError with one sentence.
    """
    recording = _decoded(_bytes(source))
    others = [_decoded(_bytes(other)) for other in list(siblings)[:MAX_RANKS]]
    if not others:
        return recording
    gap = _rank_gap(recording, others)
    return replace(recording, course=replace(recording.course, rank_gap=gap, ranks=1 + len(others)))


def siblings_of(path: Path) -> list[Path]:
    """The recordings of the other ranks beside rank 0's `path`."""
    return sorted(path.parent.glob(f"{path.stem}.rank*{path.suffix}"))[:MAX_RANKS]


def rank_path(path: Path, rank: int) -> Path:
    """Where rank `rank` writes."""
    return path if rank == 0 else path.with_name(f"{path.stem}.rank{rank}{path.suffix}")


def _bytes(source: Path | str | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    path = Path(source)
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be read for ever
            raise OSError(0, "not a file of bytes")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise RecordingError(N_("Cannot read {path}: {error}."), path=shortened(path, 200), error=reason) from error


def _decoded(data: bytes) -> Recording:
    with _only_recording_errors():
        return _Reader().recording(data)


@contextmanager
def _only_recording_errors() -> Iterator[None]:
    """Whatever goes wrong with what a file holds is told in one sentence."""
    try:
        yield
    except RecordingError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, ArithmeticError) as error:
        raise RecordingError(N_("The recording holds something that no bnviz writes.")) from error


def _rank_gap(recording: Recording, others: Sequence[Recording]) -> Array:
    """(L,) largest RMS over channels of the difference between the ranks' average batch means, in standard deviations, less chance."""
    gaps = np.zeros(len(recording.norms))
    for place, norm in enumerate(recording.norms):
        calls, mine = recording.calls.get(norm.name, ()), recording.means.get(norm.name)
        if mine is None or not calls or norm.type_name == "SyncBatchNorm":
            continue
        spread = calls[0].unbiased + norm.eps
        for other in others:
            theirs = other.means.get(norm.name)
            if theirs is None or theirs.shape != mine.shape:
                continue
            looks = max(min(recording.mean_looks, other.mean_looks), 1)
            chance = 2 * np.nan_to_num(calls[0].between / max(calls[0].n, 1)) / looks
            squared = float(np.mean(((mine - theirs) ** 2 - chance) / spread))
            gaps[place] = max(gaps[place], math.sqrt(max(squared, 0.0)))
    return gaps


class _Reader:
    """Frames to a `Recording`; whatever does not fit raises."""

    def __init__(self) -> None:
        self.norms: tuple[Norm, ...] = ()
        self.rows: list[Frame] = []
        self.begin: Frame | None = None
        self.state: Frame | None = None
        self.chains: Chains | None = None
        self.finished = False

    def recording(self, data: bytes) -> Recording:
        for frame in frames(data):
            if self.begin is None:
                if frame.kind != "model":
                    raise ValueError("no model")
                self.begin = frame
                self.norms = _norms(frame)
            elif frame.kind in {"row", "look"}:
                _checked_row(frame, len(self.norms))
                self.rows.append(frame)
            elif frame.kind == "state":
                if frame.arrays["updates"].shape != (len(self.norms),):
                    raise ValueError("state")
                self.state = frame
            elif frame.kind == "chains":
                self.chains = read_chains(frame.head, len(self.norms))
            elif frame.kind == "end":
                self.finished = True
        if self.begin is None:
            raise RecordingError(N_("The recording is empty: the training had not begun when it was written."))
        return self._assembled(self.begin)

    def _assembled(self, begin: Frame) -> Recording:
        count = len(self.norms)
        places = self._looks_unpacked()
        looks = tuple(self._look(self.rows[place]) for place in places)
        last = _last_full([frame for frame in self.rows if frame.kind == "look" and "mean" in frame.arrays])
        calls, means = (_calls(last, self.norms), _means(last, self.norms)) if last is not None else ({}, {})
        norms = self._now(last)
        quantities = {
            name: np.stack([_row(frame, name, count) for frame in self.rows], axis=1)
            if self.rows
            else np.zeros((count, 0))
            for name in QUANTITIES
        }
        self._supply(quantities, dict(zip(places, looks, strict=True)))
        head = begin.head
        course = self._course(count, quantities["gap"])
        return Recording(
            model=_text(head.get("model")),
            norms=norms,
            step=np.array([_int(frame.head["step"]) for frame in self.rows], dtype=np.int64),
            seconds=np.array([_number(frame.head["seconds"]) for frame in self.rows]),
            quantities=quantities,
            course=course,
            looks=looks,
            calls=calls,
            setup=replace(_setup(head, self.rows[-1] if self.rows else None), last_batch=course.last_batch),
            finished=self.finished,
            compiled=head.get("compiled") is True,
            rank=_int(head.get("rank", 0)),
            means=means,
            mean_looks=_int(last.head.get("mean_looks", 0)) if last is not None else 0,
            at_end=self._as_of(self.state) if self.state is not None else (),
            chains=self.chains,
        )

    def _looks_unpacked(self) -> list[int]:
        """Places among the rows of the looks that are unpacked."""
        places = [place for place, frame in enumerate(self.rows) if frame.kind == "look"]
        most = max(MAX_LAYER_LOOKS // len(self.norms), 1)
        if len(places) <= most:
            return places
        return [places[round(end)] for end in np.linspace(len(places) - 1, 0, most)][::-1]

    @staticmethod
    def _supply(quantities: Mapping[QuantityName, Array], looks: Mapping[int, Look]) -> None:
        """Fill in from the looks what the buffers could not tell: small momenta, several updates per step. `looks`: by row."""
        for row, look in looks.items():
            for place, layer in enumerate(look.layers):
                if math.isnan(quantities["gap"][place, row]):
                    for name, value in layer.scores().items():
                        quantities[name][place, row] = value

    def _course(self, count: int, gap: Array) -> Course:
        def column(name: str, kind: Any) -> Any:
            rows = [frame.arrays[name] for frame in self.rows]
            return np.stack(rows).astype(kind) if rows else np.zeros((0, count), kind)

        drawn = next((frame.head["drawn"] for frame in reversed(self.rows) if "drawn" in frame.head), None)
        sizes: Any = next((frame.head["sizes"] for frame in reversed(self.rows) if "sizes" in frame.head), [])
        return Course(
            step=np.array([_int(frame.head["step"]) for frame in self.rows], dtype=np.int64),
            updates=column("updates", np.int64),
            most_updates=column("most_updates", np.int64),
            training=column("training", np.bool_),
            model_training=np.array([frame.head.get("training") is True for frame in self.rows], dtype=np.bool_),
            calls_with_gradient=column("with_gradient", np.int64),
            calls_without=column("without", np.int64),
            gap=gap.T,
            scatter=column("scatter", np.float64),
            scatter_two=np.array([_row(frame, "scatter_two", count) for frame in self.rows]).reshape(-1, count),
            n=column("n", np.int64),
            per_pass=column("per_pass", np.float64),
            invalid=np.array([_row(frame, "invalid", count) for frame in self.rows]).reshape(-1, count),
            drawn=None if drawn is None else _drawn(drawn),
            sizes=_sizes(sizes),
            swing=np.array([_row(frame, "swing", count) for frame in self.rows]).reshape(-1, count),
        )

    def _now(self, last: Frame | None) -> tuple[Norm, ...]:
        """The layers as the last full look saw them; where nobody looked, and no batch is beside them, as they were at the end."""
        return self._as_of(self.state if last is None else last)

    def _as_of(self, frame: Frame | None) -> tuple[Norm, ...]:
        """The layers as `frame` tells, counters included, in the modes of the last row."""
        norms = list(self.norms)
        if frame is not None:
            counters = frame.arrays["updates"]
            for place, values in enumerate(_states(frame, self.norms)):
                updates = int(counters[place])
                norms[place] = replace(norms[place], updates=updates if updates >= 0 else None, **values)
        if self.rows:
            modes = self.rows[-1].arrays["training"]
            norms = [replace(norm, training=bool(mode)) for norm, mode in zip(norms, modes, strict=True)]
        return tuple(norms)

    def _look(self, frame: Frame) -> Look:
        states = _states(frame, self.norms)
        calls = _calls(frame, self.norms) if "mean" in frame.arrays else {}
        numbers = frame.arrays["with_gradient"].astype(np.int64) + frame.arrays["without"]
        return Look(
            _int(frame.head["step"]),
            tuple(
                _layer_look(frame, place, norm, states[place], calls.get(norm.name, ()), int(max(numbers[place], 0)))
                for place, norm in enumerate(self.norms)
            ),
        )


def _layer_look(
    frame: Frame, place: int, norm: Norm, state: Mapping[str, Any], calls: Sequence[Call], number: int
) -> LayerLook:
    call = calls[0] if calls else None
    return LayerLook(
        before=_histogram(frame, "before", place),
        after=_histogram(frame, "after", place),
        running_mean=state.get("running_mean"),
        running_var=state.get("running_var"),
        batch_mean=None if call is None else call.mean,
        batch_var=None if call is None else call.unbiased,
        gamma=state.get("gamma"),
        beta=state.get("beta"),
        calls=number,
        norm=norm,
        call=call,
    )


def _noise(norm: Norm) -> float:
    """Variance of the difference between a batch's statistic and its running estimate, in that of the batch's: 1 + α/(2 − α)."""
    return 1.0 + (float(squared_weights(norm.momentum, math.inf)) if norm.momentum and 0 < norm.momentum <= 1 else 0.0)


def _rms(values: Array) -> float:
    return math.sqrt(float(np.mean(values**2)))


def predicted_bands(
    norm: Norm, running_mean: Array, running_var: Array, call: Call
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Where 95 % of the batch means and variances of one channel lie: running statistic ± z·√(v(1/n + α/((2 − α)n))).

    n is the effective number of values, as the scatter between samples tells; both the batch and the estimate are noisy.
    Source: `bnviz.theory.running.mean_variance`, `var_variance`.
    """
    noise = _noise(norm)
    z = normal_quantile(1 - BAND)
    var = np.maximum(running_var, 0.0)
    error = np.where(np.isfinite(call.between), call.between, call.var) / max(call.n, 1)
    half = z * np.sqrt(error * noise)
    relative = np.nan_to_num(call.var_error / np.maximum(call.var, 1e-300)) * math.sqrt(noise)
    factor = np.exp(np.minimum(z * relative, 50.0))
    return (running_mean - half, running_mean + half), (var / factor, var * factor)


def _checked_row(frame: Frame, count: int) -> None:
    if any(frame.arrays[name].shape != (count,) for name in ROW_ARRAYS):
        raise ValueError("row")
    if not 0 <= _int(frame.head["step"]) < 2**60 or not math.isfinite(_number(frame.head["seconds"])):
        raise ValueError("step")


def _row(frame: Frame, name: str, count: int) -> Array:
    values = frame.arrays.get(name)
    if values is None:
        return np.full(count, np.nan)
    if values.shape != (count,):
        raise ValueError(name)
    return values.astype(np.float64)


def _histogram(frame: Frame, name: str, place: int) -> Histogram | None:
    counts, ends = frame.arrays.get(name), frame.arrays.get(f"{name}_ends")
    if counts is None or ends is None:
        return None
    low, high = (float(value) for value in ends[place])
    row = counts[place].astype(np.float64)
    if row.shape != (BINS,) or not (math.isfinite(low) and math.isfinite(high) and low < high) or not row.any():
        return None
    return Histogram(np.linspace(low, high, BINS + 1), row / row.sum())


def _norms(frame: Frame) -> tuple[Norm, ...]:
    layers = frame.head["layers"]
    if not isinstance(layers, list) or not 0 < len(layers) <= MAX_LAYERS:
        raise ValueError("layers")
    return tuple(_norm(layer) for layer in layers)


def _norm(layer: Mapping[str, Any]) -> Norm:
    if layer["kind"] not in get_args(Kind):
        raise ValueError("kind")
    momentum, updates = layer["momentum"], layer["updates"]
    return Norm(
        name=_text(layer["name"]),
        kind=layer["kind"],
        type_name=_text(layer["type"]),
        channels=_int(layer["channels"]),
        eps=_number(layer["eps"]),
        momentum=None if momentum is None else _number(momentum),
        training=layer["training"] is True,
        tracks=layer["tracks"] is True,
        gamma=None,
        beta=None,
        trainable=tuple(part is True for part in layer["trainable"]),
        updates=None if updates is None else _int(updates),
        groups=max(_int(layer["groups"]), 1),
        dimensions=_int(layer["dimensions"]),
        dtype=_text(layer["dtype"]),
    )


def _setup(head: Mapping[str, Any], row: Frame | None) -> Setup:
    decay = head.get("decay", {})
    if not isinstance(decay, dict) or len(decay) > MAX_LAYERS:
        raise ValueError("decay")
    return Setup(
        training=row is None or row.head.get("training") is True,
        wrapper=_text(head.get("wrapper", "")),
        replicas=max(_int(head.get("replicas", 1)), 1),
        optimizer=_text(head.get("optimizer", "")),
        decay={_text(name): _number(value) for name, value in decay.items()},
    )


def _drawn(values: Any) -> Drawn:
    batches, n, design_effect, kinds = values
    if min(_int(batches) - 1, _int(n) - 1, _int(kinds)) < 1 or not math.isfinite(_number(design_effect)):
        raise ValueError("drawn")
    return Drawn(batches, n, float(design_effect), kinds)


def _sizes(values: Any) -> dict[int, int]:
    sizes = {_int(size): _int(count) for size, count in values}
    if len(sizes) > MAX_SIZES or min((*sizes, *sizes.values()), default=1) < 1:
        raise ValueError("sizes")
    return sizes


def _last_full(looks: Sequence[Frame]) -> Frame | None:
    """The last look that did not fall on a short batch, as an epoch may end with: its statistics tell of nothing but itself."""
    sizes = [int(frame.arrays["calls"][0, 2]) if frame.arrays["calls"].size else 0 for frame in looks]
    usual = float(np.median(sizes)) if sizes else 0.0
    return next((frame for frame, size in zip(looks[::-1], sizes[::-1], strict=True) if 2 * size >= usual), None)


def _states(frame: Frame, norms: Sequence[Norm]) -> list[dict[str, Any]]:
    """Running statistics, γ and β of each layer, as far as the frame keeps them."""
    if "state_sizes" not in frame.arrays:
        return [{} for _ in norms]
    sizes = frame.arrays["state_sizes"]
    if sizes.shape != (len(norms), len(STATE_ARRAYS)) or (sizes < 0).any():
        raise ValueError("state")
    found: list[dict[str, Any]] = [{} for _ in norms]
    for column, name in enumerate(STATE_ARRAYS):
        with np.errstate(invalid="ignore"):
            values = frame.arrays[f"state_{name}"].astype(np.float64)
        if values.shape != (int(sizes[:, column].sum()),):
            raise ValueError(name)
        ends = np.cumsum(sizes[:, column])
        for place, (end, size) in enumerate(zip(ends, sizes[:, column], strict=True)):
            found[place][name] = values[end - size : end] if size else None
    return found


def _calls(frame: Frame, norms: Sequence[Norm]) -> dict[str, tuple[Call, ...]]:
    """The calls that the frame keeps, by layer name."""
    about = frame.arrays["calls"].astype(np.int64)  # (calls, 5): layer, number, n, values per sample, channels
    largest = frame.arrays["largest"].astype(np.float64)
    if about.ndim != 2 or about.shape[1] != 5 or (about < 0).any() or largest.shape != (len(about), 2):
        raise ValueError("calls")
    total = int(about[:, 4].sum())
    columns = {name: frame.arrays[name].astype(np.float64) for name in CHANNEL_ARRAYS}
    if any(values.shape != (total,) for values in columns.values()):
        raise ValueError("channels")
    found: dict[str, list[Call]] = {}
    end = 0
    for (place, number, n, per_sample, channels), (most, nonfinite) in zip(
        about.tolist(), largest.tolist(), strict=True
    ):
        begin, end = end, end + channels
        parts = {name: values[begin:end] for name, values in columns.items()}
        call = Call(
            batch=0, number=number, n=n, per_sample=per_sample, largest=most, nonfinite=int(nonfinite > 0), **parts
        )
        found.setdefault(norms[place].name, []).append(call)
    return {name: tuple(calls) for name, calls in found.items()}


def _means(frame: Frame, norms: Sequence[Norm]) -> dict[str, Array]:
    sizes, values = frame.arrays.get("average_sizes"), frame.arrays.get("average_mean")
    if sizes is None or values is None:
        return {}
    if sizes.shape != (len(norms),) or (sizes < 0).any() or values.shape != (int(sizes.sum()),):
        raise ValueError("averages")
    ends = np.cumsum(sizes)
    return {
        norm.name: values[end - size : end].astype(np.float64)
        for norm, end, size in zip(norms, ends, sizes, strict=True)
        if size
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return shortened(value, 200)


def _int(value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**62:
        raise TypeError("whole number")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("number")
    return float(value)
