"""A look: hooks on the normalization layers between two optimizer steps, and what they saw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from time import thread_time
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from bnviz.inspect.chains import Chains
from bnviz.inspect.evidence import Call
from bnviz.inspect.graph import chains_of
from bnviz.inspect.layers import kind_of
from bnviz.inspect.moments import measured
from bnviz.inspect.recording import BINS, SATURATES
from bnviz.inspect.trace import tensors

MAX_CALLS: Final = 4  # of one layer between two steps that are measured; all are counted
MAX_VALUES: Final = 1 << 16  # of one histogram; of larger tensors every k-th value is taken


@dataclass
class Seen:
    """What one layer showed between two optimizer steps."""

    calls: list[Call] = field(default_factory=list)
    with_gradient: int = 0
    without: int = 0
    """Calls in training mode that recorded no graph."""
    recomputed: int = 0
    """Of the calls those that a backward pass made again (checkpointing)."""
    before: NDArray[np.uint16] | None = None
    after: NDArray[np.uint16] | None = None
    saturated: float = float("nan")
    gradients: list[Tensor] = field(default_factory=list)
    """Mean squares of the gradient at the output, one per call."""


class Axes:
    """Ends of each layer's histograms; they only ever widen, so that a picture's axis does not jump."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str], tuple[float, float]] = {}

    def ends(self, layer: str, side: str) -> tuple[float, float]:
        """Lowest and highest value; (0, 0) where nothing was seen yet."""
        return self._ends.get((layer, side), (0.0, 0.0))

    def histogram(self, layer: str, side: str, values: Tensor) -> NDArray[np.uint16] | None:
        """(B,) counts scaled to 65535 in all; None where a value is not finite."""
        flat = values.detach().reshape(-1)
        flat = flat[:: max(1, flat.numel() // MAX_VALUES)].float()
        low, high = (float(end) for end in torch.aminmax(flat))
        if not (np.isfinite(low) and np.isfinite(high)):
            return None
        known = self._ends.get((layer, side))
        if known is None:
            room = (high - low) / 8 or max(abs(low), 1.0) / 8
            known = (low - room, high + room)
        known = (min(known[0], low), max(known[1], high))
        self._ends[layer, side] = known
        counts = np.histogram(flat.cpu().numpy(), BINS, known)[0]
        return np.asarray(np.round(counts * (65535 / max(counts.sum(), 1))), dtype=np.uint16)


class Hook:
    """A hook that a copied or pickled model does not take with it."""

    def __init__(self, call: Callable[..., None]) -> None:
        self.call: Callable[..., None] | None = call
        """What it does; None once it is to do nothing."""

    def __call__(self, *args: Any) -> None:
        """Do it."""
        if self.call is not None:
            self.call(*args)

    def __deepcopy__(self, memo: Any) -> Hook:
        return Hook(nothing)

    def __reduce__(self) -> tuple[Any, ...]:
        return Hook, (nothing,)


def nothing(*args: Any) -> None:
    """What a copied hook does."""


class _Passes:
    """Counts the calls of one module; a call within a call (Lightning's `training_step` under DDP) belongs to the outer one."""

    def __init__(self) -> None:
        self.count = 0
        self._depth = 0

    def begin(self, *args: Any) -> None:
        """Before the module's `forward`. What a backward pass makes again is no pass."""
        del args
        self.count += self._depth == 0 and torch._C._current_graph_task_id() == -1
        self._depth += 1

    def end(self, *args: Any) -> None:
        """After it, whatever happened."""
        del args
        self._depth = max(self._depth - 1, 0)


def around(model: nn.Module, modules: Mapping[str, nn.Module]) -> list[nn.Module]:
    """Every module that holds all of `modules` (by name), `model` first: a training loop may call an inner one only."""
    paths = [name.split(".")[:-1] for name in modules]
    common = [parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))]
    return [model.get_submodule(".".join(common[:depth])) for depth in range(len(common) + 1)]


class Guarded(ABC):
    """What looks on beside a training: what it takes is added up, and no exception of its own ends the training."""

    spent: float
    """Seconds of processor time."""

    def _guarded(self, action: Callable[[], None]) -> None:
        begin = thread_time()
        try:
            action()
        except Exception as error:
            self._failed(error)
        self.spent += thread_time() - begin

    @abstractmethod
    def _failed(self, error: Exception) -> None: ...


class Watching(Guarded):
    """Hooks on `model` and its norm layers `modules` from now until `end`. `failed` is told of any exception; none leaves a hook.

    `order`: whether the order of the layers is asked for too.
    """

    def __init__(
        self,
        model: nn.Module,
        modules: Mapping[str, nn.Module],
        axes: Axes,
        failed: Callable[[Exception], None],
        order: bool,
    ) -> None:
        self.seen: dict[str, Seen] = {name: Seen() for name in modules}
        self.chains: Chains | None = None
        """The rows of layers in the first pass whose graph shows them."""
        self.spent = 0.0
        self._axes = axes
        self._tell = failed
        self._modules = modules
        self._passes: list[_Passes] = []
        self._handles: list[RemovableHandle] = []
        for module in around(model, modules):
            self._passes.append(passes := _Passes())
            self._handles.append(module.register_forward_pre_hook(Hook(passes.begin)))
            self._handles.append(module.register_forward_hook(Hook(passes.end), always_call=True))
            if order:
                self._handles.append(module.register_forward_hook(Hook(self._passed)))
        for name, module in modules.items():
            self._handles.append(module.register_forward_hook(Hook(self._hook(name))))

    @property
    def passes(self) -> int:
        """Calls of the whole model; where none was, of the outermost part that was called and holds every norm layer."""
        return next((passes.count for passes in self._passes if passes.count), 0)

    def end(self) -> None:
        """Take all hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            self._guarded(lambda: self._called(name, module, args, output))

        return hook

    def _failed(self, error: Exception) -> None:
        self._tell(error)

    def _passed(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After a pass. In eval mode Dropout would not be seen."""
        del args
        if self.chains is None and module.training and torch.is_grad_enabled():
            self._guarded(lambda: self._read_order(output))

    def _read_order(self, output: Any) -> None:
        self.chains = chains_of(tensors(output), self._modules)

    def _called(self, name: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        seen = self.seen[name]
        values, result = next(iter(tensors(args)), None), next(iter(tensors(output)), None)
        if values is None or result is None:
            return
        if torch._C._current_graph_task_id() != -1:
            seen.recomputed += 1
        if result.requires_grad and torch.is_grad_enabled():
            seen.with_gradient += 1
        elif module.training and not torch.is_grad_enabled():
            seen.without += 1
        if not module.training:
            return
        with torch.no_grad():
            self._measure(name, seen, module, values, result)
        if result.requires_grad:
            result.register_hook(
                Hook(  # type: ignore[no-untyped-call]
                    lambda gradient: seen.gradients.append(_mean_square(gradient))
                )
            )

    def _measure(self, name: str, seen: Seen, module: nn.Module, values: Tensor, result: Tensor) -> None:
        if len(seen.calls) >= MAX_CALLS or not values.numel():
            return
        kind = kind_of(module) or "batch"
        size = int(torch.Size(getattr(module, "normalized_shape", ())).numel()) if kind == "layer" else 0
        seen.calls.append(measured(values, result, kind, size, 0, len(seen.calls)))
        if seen.before is None:
            seen.before = self._axes.histogram(name, "before", values)
            seen.after = self._axes.histogram(name, "after", result)
            seen.saturated = float((result.detach().abs() > SATURATES).float().mean())


@torch.no_grad()
def _mean_square(gradient: Tensor) -> Tensor:
    return gradient.detach().float().square().mean()
