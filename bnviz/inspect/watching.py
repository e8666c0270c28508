"""`bnviz.watch`: what batch norm does while a model trains, within a budget of the training's own time.

Optimizer steps are the clock. After a step the buffers are read (O(C)); now and then hooks look into the layers until the
next step. Nothing of the model, its gradients or its random numbers is touched, and no error of ours reaches the training.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import astuple
from functools import partial
from pathlib import Path
from time import perf_counter, thread_time
from types import TracebackType
from typing import Any, Final, Self
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.hooks import RemovableHandle

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import recording
from bnviz.inspect.buffers import Buffers, Read, Recovered
from bnviz.inspect.drawing import Draws, Swing, Taking
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.evidence import Array, Call, impossible
from bnviz.inspect.gaps import output_gap
from bnviz.inspect.layers import array, bare, describe, kind_of, norm_modules
from bnviz.inspect.looking import Axes, Guarded, Seen, Watching, around
from bnviz.inspect.pictures import with_pictures
from bnviz.inspect.recording import CHANNEL_ARRAYS, MAX_SIZES, STATE_ARRAYS
from bnviz.inspect.report import Report
from bnviz.inspect.setup import setup_of
from bnviz.inspect.writing import Writer, free_path, packed

BUDGET: Final = 0.03  # share of the training's time
# Of the budget reads, looks and what the model is given may take so much each; the rest is for what a clock inside does not see.
OWN_SHARE: Final = 0.25
ALLOWANCE: Final = 0.025  # seconds in all that reads, and looks, of a short training may cost besides
TAKING_ALLOWANCE: Final = 0.01  # the same for what the model is given
LIMIT: Final = 2_000_000  # bytes of the file; wide models get CHANNEL_BYTES per channel more
CHANNEL_BYTES: Final = 600
SPACING: Final = 1.1  # rows come at steps that grow by this factor
LOOK_SPACING: Final = (
    1.5  # the same for looks, and for reads out of the allowance, which shall last beyond the first steps
)
EARLY: Final = 200  # steps in which every difference of two batches gets a row of its own
FIRST_LOOK: Final = 0.3  # of a step: what a look is taken to cost before there was one
SECONDS: Final = 0.5  # rows and looks come at least so often, where the budget allows
IN_A_ROW: Final = 4  # reads: two tell a batch, four the differences of three batches
# So many steps of another optimizer without one of the clock's make the other the clock. Two where both hold a parameter: it
# was made anew for an epoch or a phase (a wrapper and what it wraps take turns). Many where they divide the model between them,
# as the critic of a GAN steps several times for one step of the generator.
SUCCESSOR: Final = 2
PARTNER: Final = 50


def watch(
    model: nn.Module,
    path: str | Path,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    budget: float = BUDGET,
    limit: int | None = None,
) -> Watcher:
    """Record what the normalization layers of `model` do into a new file at `path` until `close`; a context manager too.

    `optimizer`: whose steps count; without it those of the first optimizer that holds a parameter of `model`. Where it steps
    no more and another does, the other's steps count.
    `budget`: share of the training's time that the watch may take. `limit`: bytes that the file may grow to.
    Whatever goes wrong here is told by one warning; the training goes on.
    """
    return Watcher(model, Path(path), optimizer, budget, limit)


class Watcher(Guarded):
    """A watch over one model. See `watch`."""

    def __init__(
        self,
        model: nn.Module,
        path: Path,
        optimizer: torch.optim.Optimizer | None,
        budget: float,
        limit: int | None,
    ) -> None:
        self.path = path
        """The file, once it is known to be new."""
        self.active = True
        """Whether it still measures; False after `close` or an error of ours."""
        self.steps = 0
        """Optimizer steps seen."""
        self.spent = 0.0
        """Seconds that reads and rows took, of this thread's processor time: other programs do not count."""
        self.looked = 0.0
        """Seconds that looks took."""
        self._handles: list[RemovableHandle] = []
        self._writer: Writer | None = None
        self.taken = 0.0
        """Seconds that reading what the model is given took."""
        self._look: Watching | None = None
        self._taking: Taking | None = None
        self._budget = budget
        self._begin = perf_counter()
        self._guarded(partial(self._open, model, optimizer, limit))
        self.spent = 0.0  # the beginning is not the training's time

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> Report | None:
        """Stop measuring and finish the file; the report on it, or None where nothing was recorded."""
        if self.active:
            self._guarded(self._finish)
            self._stop()
        return self.report()

    def report(self) -> Report | None:
        """What the rules say about the recording so far; of rank 0 with the recordings of the other ranks beside it."""
        if self._writer is None:
            return None
        try:
            others = recording.siblings_of(self.path) if self._rank == 0 and self._ranks > 1 else []
            seen = recording.read(self.path, others)
            return with_pictures(seen.report(), seen)
        except Exception as error:
            warnings.warn(str(Phrase(N_("bnviz cannot report: {reason}"), {"reason": error})), stacklevel=2)
            return None

    def _open(self, model: nn.Module, optimizer: torch.optim.Optimizer | None, limit: int | None) -> None:
        inner = bare(model)
        self._model = inner
        self._modules = norm_modules(inner)
        self._names = list(self._modules)
        self._compiled = _is_compiled(model)
        self._rank, self._ranks = _rank()
        self._wrapper = model
        # Where rank 0's buffers are broadcast before each pass, those of the others do not tell what their batch was.
        self._recovers = self._rank == 0 or not getattr(model, "broadcast_buffers", False)
        self._buffers = Buffers(self._modules)
        self._lazy = any(isinstance(module, LazyModuleMixin) for module in self._modules.values())
        self._axes = Axes()
        count = len(self._names)
        self._last: Read | None = None
        self._written = (0, b"")
        self._row_of_reads = 0
        self._batches: list[tuple[int, Recovered]] = []
        self._most = np.zeros(count, np.int64)
        self._usual = np.ones(count)
        self._scatter, self._scatter_two = np.full(count, np.nan), np.full(count, np.nan)
        self._n = np.zeros(count, np.int64)
        self._quantities: dict[str, Array] = {}
        self._next_row = self._next_look = self._next_read = self._next_taking = 1
        self._last_row = self._last_look = self._begin
        self._look_cost: float | None = None
        self._per_pass = np.zeros(count)
        self._sums: list[Array | None] = [None] * count
        self._looks = 0
        self._ordered = False
        self._draws, self._swing = Draws(), Swing()
        self._sizes: set[int] = set()
        self._asked: Counter[int] = Counter()
        self._counting = next((module for module in self._modules.values() if kind_of(module) == "batch"), None)
        self._clock: ReferenceType[torch.optim.Optimizer] | None = None
        self._held: frozenset[int] = frozenset()
        self._since: WeakKeyDictionary[torch.optim.Optimizer, int] = WeakKeyDictionary()
        path = free_path(recording.rank_path(self.path, self._rank))
        if path != recording.rank_path(self.path, self._rank):
            warnings.warn(
                str(Phrase(N_("{old} exists; recording to {new}."), {"old": self.path, "new": path})), stacklevel=5
            )
        channels = int(sum(describe(name, module).channels for name, module in self._modules.items()))
        self._writer = Writer(path, limit or LIMIT + CHANNEL_BYTES * max(channels - 1000, 0))
        self.path = path
        self._writer.append(self._header(optimizer))
        self._handles.append(register_optimizer_step_post_hook(self._any_stepped))
        if optimizer is not None:
            self._follow(optimizer)
        self._arm()

    def _header(self, optimizer: torch.optim.Optimizer | None) -> bytes:
        setup = setup_of(self._wrapper, [], optimizer)
        layers = []
        for name, module in self._modules.items():
            norm = describe(name, module)
            layers.append(
                {
                    "name": norm.name[:200],
                    "kind": norm.kind,
                    "type": norm.type_name,
                    "channels": norm.channels,
                    "eps": norm.eps,
                    "momentum": norm.momentum,
                    "training": norm.training,
                    "tracks": norm.tracks,
                    "trainable": list(norm.trainable),
                    "updates": norm.updates,
                    "groups": norm.groups,
                    "dimensions": norm.dimensions,
                    "dtype": norm.dtype,
                }
            )
        head = {
            "model": type(self._model).__name__[:200],
            "layers": layers,
            "compiled": self._compiled,
            "rank": self._rank,
            "ranks": self._ranks,
            "wrapper": setup.wrapper,
            "replicas": setup.replicas,
            "optimizer": setup.optimizer,
            "decay": {name[:200]: value for name, value in setup.decay.items()},
        }
        return packed("model", head, {})

    def _any_stepped(self, optimizer: torch.optim.Optimizer, args: Any, named: Any) -> None:
        """After a step of any optimizer."""
        del args, named
        if not self.active:
            return
        if self._clock is not None and self._clock() is optimizer:
            self._since.clear()
            self.step()
        else:
            self._guarded(partial(self._other_stepped, optimizer))

    def _other_stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """Let `optimizer` be the clock if it is the first that holds a parameter of the model, or steps where the clock is gone."""
        patience = self._patience(optimizer)
        if patience is None:
            return
        steps = self._since[optimizer] = self._since.get(optimizer, 0) + 1
        if steps < patience:
            return
        if self._look is not None and steps > 1:
            self._look.end()  # it has seen batches of several weights
            self._look = None
        self._follow(optimizer)
        self.steps += steps - 1
        self._step()

    def _patience(self, optimizer: torch.optim.Optimizer) -> int | None:
        """Steps without one of the clock's after which `optimizer` becomes the clock; None where it has nothing of the model."""
        parameters = _parameters(optimizer)
        if self._clock is not None and parameters & self._held:
            return 1 if self._clock() is None else SUCCESSOR
        if parameters.isdisjoint(id(parameter) for parameter in self._model.parameters()):
            return None
        return 1 if self._clock is None else PARTNER

    def _follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Count the steps of `optimizer` from now on. Nothing here keeps it or its state alive."""
        self._clock = ref(optimizer)
        self._held = _parameters(optimizer)
        self._since.clear()

    def step(self) -> None:
        """Count one optimizer step: for loops that update the weights without a `torch.optim.Optimizer`."""
        if self.active:
            self._guarded(self._step)

    def _failed(self, error: Exception) -> None:
        """Warn once and go quiet."""
        if self.active:
            self._stop()
            reason = str(error) if isinstance(error, InspectionError) else f"{type(error).__name__}: {error}"
            warnings.warn(
                str(Phrase(N_("bnviz has stopped watching; the training goes on. {reason}"), {"reason": reason})),
                stacklevel=4,
            )

    def _stop(self) -> None:
        self.active = False
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._look is not None:
            self._look.end()
            self._look = None
        if self._taking is not None:
            self._taking.end()
            self._taking = None
        if self._writer is not None:
            self._writer.close()
        self._model = nn.Identity()
        self._modules = {}
        self._counting = None
        self._buffers = Buffers({})
        self._clock = None

    def _finish(self) -> None:
        """The last row, which tells of updates after the last step too, the layers as they stand now, and the end."""
        look, self._look = self._look, None
        if look is not None:
            look.end()
        if self._writer is None:
            return
        self._read()
        if self.steps:
            half = look if look is not None and any(seen.calls for seen in look.seen.values()) else None
            if half is not None or self._written != self._now():
                self._write(half)
        self._writer.append(packed("state", {}, {"updates": ("i8", self._updates()), **self._state()}))
        self._writer.append(packed("end", {"reason": "closed"}, {}))

    def _step(self) -> None:
        self.steps += 1
        look, self._look = self._look, None
        if look is not None:
            begin = thread_time()
            look.end()
            self._read()
            self._write(look)
            own = thread_time() - begin
            self._look_cost = look.spent + own
            self.looked += self._look_cost
            self.spent -= own  # `_guarded` will add it
            self._last_look = perf_counter()
            self._next_look = math.ceil(max(self.steps + 1, self.steps * LOOK_SPACING))
        elif self._wants_read():
            self._read()
            if self.steps >= self._next_row or perf_counter() - self._last_row >= SECONDS:
                self._write(None)
        self._take()
        self._arm()

    def _take(self) -> None:
        """Keep what the model was given since the last step, if it was asked."""
        taking, self._taking = self._taking, None
        if taking is None:
            return
        taking.end()
        self.taken += taking.spent
        # Samples are what the norm layers average over: with sequences first the model's first axis is time.
        if taking.given is not None and taking.given.size in self._sizes:
            self._draws.add(taking.given)
        if taking.size and (taking.size in self._asked or len(self._asked) < MAX_SIZES):
            self._asked[taking.size] += 1
        self._next_taking = math.ceil(max(self.steps + 1, self.steps * SPACING))

    def _wants_read(self) -> bool:
        """At every step where the budget bears it; else three in a row, and that ever more rarely."""
        if self._affordable(self.spent, 0.0):
            return True
        if self.steps < self._next_read or not self._affordable(self.spent, ALLOWANCE):
            return False
        follows = self._last is not None and self._last.step == self.steps - 1
        self._row_of_reads = self._row_of_reads + 1 if follows else 1
        if self._row_of_reads >= IN_A_ROW:
            self._row_of_reads = 0
            self._next_read = math.ceil(self.steps * LOOK_SPACING) + 1
        return True

    def _affordable(self, spent: float, allowance: float) -> bool:
        """Whether so many seconds stay within the share of the budget."""
        return spent <= OWN_SHARE * self._budget * (perf_counter() - self._begin) + allowance

    def _arm(self) -> None:
        """Look until the next step, if it is time and within the budget; and the same for what the model is given."""
        if self._compiled:
            return
        if self.steps + 1 >= self._next_taking and self._affordable(self.taken, TAKING_ALLOWANCE):
            self._taking = Taking(around(self._model, self._modules), self._counting, self._failed)
        now = perf_counter()
        guess = FIRST_LOOK * (now - self._begin) / max(self.steps, 1) if self.steps else 0.0
        spent = self.looked + (self._look_cost if self._look_cost is not None else guess)
        due = self.steps + 1 >= self._next_look and self._affordable(spent, ALLOWANCE)
        if due or (now - self._last_look >= SECONDS and self._affordable(spent, 0.0)):
            self._look = Watching(self._model, self._modules, self._axes, self._failed, not self._ordered)

    def _read(self) -> None:
        """Read the buffers and draw from two consecutive reads what the batch was."""
        if self._lazy:
            self._swing = Swing()
            self._buffers = Buffers(self._modules)  # lazy layers get their statistics with the first batch
            self._lazy = any(isinstance(module, LazyModuleMixin) for module in self._modules.values())
        buffers = self._buffers
        if not len(buffers.places):
            return
        new, old = buffers.read(self.steps), self._last
        self._last = new
        if old is None or old.updates.shape != new.updates.shape:
            return
        self._count(old, new)
        if not self._recovers or new.step == old.step:
            return
        self._compare(old, new, buffers.recovered(old, new))

    def _count(self, old: Read, new: Read) -> None:
        """Most updates between two optimizer steps: what the interval holds beyond the usual number per step."""
        places, steps = self._buffers.places, new.step - old.step
        counted = new.updates - old.updates
        if steps:
            rate = counted / steps
            self._usual[places] = np.where(
                counted > 0,
                np.minimum(np.where(self._usual[places] > 1, self._usual[places], rate), rate),
                self._usual[places],
            )
        usual = np.maximum(self._usual[places], 1.0)
        self._most[places] = np.maximum(
            self._most[places], counted - np.round(usual * max(steps - 1, 0)).astype(np.int64)
        )

    def _compare(self, old: Read, new: Read, batch: Recovered) -> None:
        """Scores of the batch against the running statistics before it."""
        buffers = self._buffers
        places = buffers.places
        var = np.maximum(old.var, 0.0) + buffers.eps
        squared = (batch.mean - old.mean) ** 2 / var
        alpha = np.where(np.isnan(buffers.momentum), 0.0, buffers.momentum)
        per_value = 1 / np.maximum(self._n[places], 1) + alpha / np.maximum(
            (2 - alpha) * np.maximum(self._n[places], 1), 1e-9
        )
        shift = buffers.by_layer(squared)
        self._put("z", places, np.sqrt(shift / per_value))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.log((np.maximum(batch.var, 0.0) + buffers.eps) / var)
        self._put("log_variance_ratio", places, np.sqrt(buffers.by_layer(ratio**2)))
        gap = output_gap(batch.mean, np.maximum(batch.var, 0.0), old.mean, old.var, buffers.eps)
        self._put("gap", places, np.sqrt(buffers.by_layer(gap)))
        self._swing.add(new.step, batch.mean, np.maximum(batch.var, 0.0) + buffers.eps)
        # Successive batches: a slow drift of the weights hardly shows between them, and what chance explains is known.
        scatters: list[Array] = []
        for step, earlier in reversed(self._batches):
            if step != new.step - 1 - len(scatters) or earlier.mean.shape != batch.mean.shape:
                break
            squares = (batch.mean - earlier.mean) ** 2 / 2 / (np.maximum(batch.var, 0.0) + buffers.eps)
            scatters.append(buffers.by_layer(squares))
        self._batches = [*self._batches[-1:], (new.step, batch)]
        if scatters:
            self._scatter[places] = scatters[0]
            self._scatter_two[places] = scatters[1] if len(scatters) > 1 else np.nan
            if perf_counter() - self._last_row >= SECONDS / 5 or new.step < EARLY:
                self._next_row = min(self._next_row, new.step)

    def _put(self, name: str, places: NDArray[np.int64], values: Array) -> None:
        row = self._quantities.setdefault(name, np.full(len(self._names), np.nan))
        row[places] = values

    def _now(self) -> tuple[int, bytes]:
        """What a row would tell apart: optimizer steps, and the counters as last read."""
        return self.steps, b"" if self._last is None else self._last.updates.tobytes()

    def _write(self, look: Watching | None) -> None:
        """One row; with a look what the layers showed."""
        if self._writer is None:
            return
        count = len(self._names)
        modules = list(self._modules.values())
        with_gradient, without = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        arrays: dict[str, tuple[str, NDArray[Any]]] = {}
        head: dict[str, Any] = {
            "step": self.steps,
            "seconds": round(perf_counter() - self._begin, 4),
            "training": self._model.training,
        }
        if (drawn := self._draws.drawn()) is not None:
            head["drawn"] = list(astuple(drawn))
        if self._asked:
            head["sizes"] = [[size, self._asked[size]] for size in sorted(self._asked)]
        if look is not None and look.chains is not None:
            # A frame of its own, which is not thinned out with the looks.
            self._writer.append(packed("chains", look.chains.head(), {}))
            self._ordered = True
        if look is not None:
            with_gradient = np.array([seen.with_gradient for seen in look.seen.values()])
            without = np.array([seen.without for seen in look.seen.values()])
            self._looks += 1
            arrays |= self._looked(list(look.seen.values()))
            head["mean_looks"] = self._looks
            if look.passes:
                calls = [seen.with_gradient + seen.without - seen.recomputed for seen in look.seen.values()]
                self._per_pass = np.maximum(self._per_pass, np.array(calls) / look.passes)
        arrays |= {
            "updates": ("i8", self._updates()),
            "most_updates": ("i8", self._most),
            "training": ("u1", np.array([module.training for module in modules])),
            "with_gradient": ("i8", with_gradient),
            "without": ("i8", without),
            "scatter": ("f4", self._scatter),
            "scatter_two": ("f4", self._scatter_two),
            "swing": ("f4", self._swings()),
            "n": ("i8", self._n),
            "per_pass": ("f4", self._per_pass),
            "invalid": ("f4", self._invalid()),
        }
        arrays |= {name: ("f4", row) for name, row in self._quantities.items()}
        self._writer.append(packed("row" if look is None else "look", head, arrays))
        self._quantities = {}
        self._written = self._now()
        self._scatter, self._scatter_two = np.full(count, np.nan), np.full(count, np.nan)
        self._last_row = perf_counter()
        self._next_row = math.ceil(max(self.steps + 1, self.steps * SPACING))

    def _updates(self) -> NDArray[np.int64]:
        """(L,) counters as last read; −1 where a layer has none."""
        updates = np.full(len(self._names), -1, np.int64)
        if self._last is not None:
            updates[self._buffers.places] = self._last.updates
        return updates

    def _invalid(self) -> Array:
        """(L,) share of channels whose running statistics, as last read, no batch could have given; NaN where there are none."""
        shares = np.full(len(self._names), np.nan)
        if self._last is not None:
            wrong = impossible(self._last.mean, self._last.var).astype(np.float64)
            shares[self._buffers.places] = self._buffers.by_layer(wrong)
        return shares

    def _swings(self) -> Array:
        """(L,) see `Course.swing`."""
        swings = np.full(len(self._names), np.nan)
        if (channels := self._swing.relative()) is not None and len(channels) == self._buffers.sizes.sum():
            swings[self._buffers.places] = self._buffers.by_layer(channels)
        return swings

    def _looked(self, seen: list[Seen]) -> dict[str, tuple[str, NDArray[Any]]]:
        """The arrays of a look: quantities, histograms, and the channels with the layers' state."""
        everywhere = np.arange(len(seen))
        for place, part in enumerate(seen):
            if part.calls:
                self._n[place] = part.calls[0].n
                self._sizes.add(part.calls[0].n)
                mean, before = part.calls[0].mean, self._sums[place]
                self._sums[place] = (
                    mean if before is None or before.shape != mean.shape else before + (mean - before) / self._looks
                )
        self._put("dead", everywhere, np.array([_dead(part.calls) for part in seen]))
        self._put("saturated", everywhere, np.array([part.saturated for part in seen]))
        gammas = [array(getattr(module, "weight", None)) for module in self._modules.values()]
        self._put("gamma", everywhere, np.array([math.nan if g is None else math.sqrt(np.mean(g**2)) for g in gammas]))
        self._put("gradient", everywhere, np.array([_root(part.gradients) for part in seen]))
        arrays: dict[str, tuple[str, NDArray[Any]]] = {}
        for side in ("before", "after"):
            rows = [getattr(part, side) for part in seen]
            blank = np.zeros(recording.BINS, np.uint16)
            arrays[side] = ("u2", np.stack([blank if row is None else row for row in rows]))
            arrays[f"{side}_ends"] = ("f4", np.array([self._axes.ends(name, side) for name in self._names]))
        return arrays | self._channels(seen) | self._state()

    def _channels(self, seen: list[Seen]) -> dict[str, tuple[str, NDArray[Any]]]:
        calls = [(place, call) for place, part in enumerate(seen) for call in part.calls]
        about = [(place, call.number, call.n, call.per_sample, call.mean.size) for place, call in calls]
        arrays: dict[str, tuple[str, NDArray[Any]]] = {
            "calls": ("i8", np.array(about, np.int64).reshape(-1, 5)),
            "largest": ("f4", np.array([(call.largest, call.nonfinite > 0) for _, call in calls]).reshape(-1, 2)),
        }
        for name in CHANNEL_ARRAYS:
            arrays[name] = ("f4", _joined([getattr(call, name) for _, call in calls]))
        sums = [mean for mean in self._sums if mean is not None]
        sizes = np.array([0 if mean is None else mean.size for mean in self._sums])
        return arrays | {"average_sizes": ("i8", sizes), "average_mean": ("f4", _joined(sums))}

    def _state(self) -> dict[str, tuple[str, NDArray[Any]]]:
        names = {"gamma": "weight", "beta": "bias"}
        rows = [
            [array(getattr(module, names.get(name, name), None)) for name in STATE_ARRAYS]
            for module in self._modules.values()
        ]
        sizes = np.array([[0 if values is None else values.size for values in row] for row in rows])
        columns = {
            f"state_{name}": ("f4", _joined([row[place] for row in rows if row[place] is not None]))
            for place, name in enumerate(STATE_ARRAYS)
        }
        return {"state_sizes": ("i8", sizes), **columns}


def _parameters(optimizer: torch.optim.Optimizer) -> frozenset[int]:
    """Identities of what an optimizer steps."""
    return frozenset(id(parameter) for group in optimizer.param_groups for parameter in group["params"])


def _joined(rows: list[Any]) -> Array:
    return np.concatenate(rows) if rows else np.zeros(0)


def _dead(calls: list[Call]) -> float:
    return float(np.mean(calls[0].output_largest <= 0)) if calls else math.nan


def _root(squares: list[Tensor]) -> float:
    return math.sqrt(float(torch.stack(squares).mean())) if squares else math.nan


def _is_compiled(model: nn.Module) -> bool:
    return hasattr(model, "_orig_mod") or any(
        getattr(module, "_compiled_call_impl", None) is not None for module in bare(model).modules()
    )


def _rank() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
