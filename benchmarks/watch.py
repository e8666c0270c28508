"""What `bnviz.watch` costs a training: one step of a ResNet-20 with it, and with other tools, over the raw step, side by side."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from benchmarks.report import Bound, Row, milliseconds, ratio
from bnviz.inspect import watch
from scripts.inspect_zoo import Head, Residual, conv_block

WATCH: Final = Bound(1.03)
BATCH, SIDE, WARM_UP = 128, 32, 5
Tool = Callable[[nn.Module, torch.optim.Optimizer, Path], Callable[[int], None]]


def resnet20() -> nn.Module:
    """ResNet-20 for 32×32 pictures (He 2016)."""
    layers: list[nn.Module] = [conv_block(3, 16)]
    inputs = 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        layers += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1), Residual(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, Head(inputs))


def measure(quick: bool) -> list[Row]:
    """The time of the steps under a tool over that of raw ones, which take turns with them: a machine has better and worse moments.

    What `watch` may take is a share of the time that passes, so raw steps in between let it look twice as often as alone.
    """
    return [
        _row("bnviz.watch", _bnviz, 20 if quick else 150, WATCH),
        *(_row(name, tool, 5 if quick else 30) for name, tool in _installed().items()),
    ]


def _row(name: str, tool: Tool, steps: int, bound: Bound | None = None) -> Row:
    raw, own = _taking_turns(tool, steps)
    return Row(
        f"a ResNet-20 step under {name}, over the raw one",
        ratio(own, raw),
        bound,
        detail=f"{milliseconds(own)} of {milliseconds(raw)}, {steps} steps of each",
    )


def _taking_turns(tool: Tool, steps: int) -> tuple[float, float]:
    """Mean seconds of so many raw steps, and of as many under `tool`."""
    raw, own = Training(), Training()
    for _ in range(WARM_UP):
        raw.step()
        own.step()
    spent = [0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder, _closing(tool(own.model, own.optimizer, Path(folder))) as after:
        for count in range(steps):
            begin = perf_counter()
            raw.step()
            between = perf_counter()
            own.step()
            after(count)
            end = perf_counter()
            spent[0] += between - begin
            spent[1] += end - between
    return spent[0] / steps, spent[1] / steps


class Training:
    """A ResNet-20, its optimizer, and a batch that it sees again and again."""

    def __init__(self, batch: int = BATCH) -> None:
        torch.manual_seed(0)
        self.model = resnet20()
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1, momentum=0.9)
        self._x, self._y = torch.randn(batch, 3, SIDE, SIDE), torch.randint(0, 10, (batch,))

    def step(self) -> None:
        """One step of training."""
        self.optimizer.zero_grad()
        functional.cross_entropy(self.model(self._x), self._y).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


@contextmanager
def _closing(after: Callable[[int], None]) -> Iterator[Callable[[int], None]]:
    try:
        yield after
    finally:
        close: Any = getattr(after, "close", None)
        if close is not None:
            close()


class _After:
    """A function to call after each step, and one to end with."""

    def __init__(self, after: Callable[[int], None], close: Callable[[], Any]) -> None:
        self.after, self.close = after, close

    def __call__(self, step: int) -> None:
        self.after(step)


def _bnviz(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Callable[[int], None]:
    return _After(lambda step: None, watch(model, folder / "run.bnviz", optimizer=optimizer).close)


def _installed() -> dict[str, Tool]:
    """The other tools, as far as they are installed (requirements-watch.txt)."""
    known: dict[str, tuple[str, Tool]] = {
        "TensorBoard histograms": ("tensorboard", _tensorboard),
        'wandb.watch(log="all")': ("wandb", _wandb),
        "torchexplorer without its server": ("torchexplorer", _torchexplorer),
    }
    return {name: tool for name, (package, tool) in known.items() if importlib.util.find_spec(package) is not None}


def _tensorboard(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Callable[[int], None]:
    del optimizer
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder))

    def after(step: int) -> None:
        for name, values in model.named_parameters():
            writer.add_histogram(name, values, step)

    return _After(after, writer.close)


def _wandb(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Callable[[int], None]:
    del optimizer
    wandb: Any = importlib.import_module("wandb")
    run = wandb.init(mode="offline", dir=str(folder))
    wandb.watch(model, log="all", log_freq=1)
    return _After(lambda step: run.log({"step": step}), run.finish)


def _torchexplorer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Callable[[int], None]:
    del optimizer, folder
    torchexplorer: Any = importlib.import_module("torchexplorer")
    torchexplorer.watch(model, log_freq=1, backend="none")
    return _After(lambda step: None, lambda: None)
