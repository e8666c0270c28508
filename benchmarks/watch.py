"""What `bnviz.watch` costs a training: one step of a ResNet-20 with it, and with other tools, over the raw step, side by side."""

from __future__ import annotations

import importlib.util
import statistics
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
    """The whole time of a run of steps over that of the raw run; runs take turns, so that other load meets all alike."""
    steps, rounds = (20, 1) if quick else (120, 3)
    tools: dict[str, Tool] = {"raw": lambda *_: lambda step: None, "bnviz.watch": _bnviz, **_installed()}
    times: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            times[name].append(_run(tool, steps))
    raw = statistics.median(times["raw"])
    return [
        Row(
            f"a ResNet-20 step under {name}, over the raw one",
            ratio(statistics.median(own), raw),
            WATCH if name == "bnviz.watch" else None,
            detail=f"{milliseconds(statistics.median(own) / steps)} of {milliseconds(raw / steps)}",
        )
        for name, own in times.items()
        if name != "raw"
    ]


def _run(tool: Tool, steps: int) -> float:
    """Seconds for so many steps under `tool`."""
    torch.manual_seed(0)
    model = resnet20()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    x, y = torch.randn(BATCH, 3, SIDE, SIDE), torch.randint(0, 10, (BATCH,))

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    for _ in range(WARM_UP):
        step()
    with tempfile.TemporaryDirectory() as folder, _closing(tool(model, optimizer, Path(folder))) as after:
        begin = perf_counter()
        for count in range(steps):
            step()
            after(count)
        return perf_counter() - begin


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
