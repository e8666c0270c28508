"""Small models and a short training, for the tests of `bnviz.inspect`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.inspect import Report, check, watch

FEATURES = 6


def batches(count: int, seed: int = 0, size: int = 32, shift: float = 1.0) -> Iterator[tuple[Tensor, Tensor]]:
    """Correlated Gaussian features (size, 6) and a class that depends on them."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        x = torch.randn(size, FEATURES, generator=generator)
        x = x + 0.5 * x.roll(1, dims=1) + shift
        yield x, (x[:, 0] > shift).long()


def net(*middle: nn.Module, width: int = 8, bias: bool = False) -> nn.Sequential:
    """Linear, batch norm, `middle` (ReLU by default), linear."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(FEATURES, width, bias=bias), nn.BatchNorm1d(width), *(middle or (nn.ReLU(),)), nn.Linear(width, 2)
    )


def trained(
    model: nn.Module,
    steps: int = 80,
    *,
    each: Callable[[int, Tensor], None] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    data: Any = None,
) -> nn.Module:
    """`model` after some steps of SGD; `each(step, x)` is called after every step."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.05)
    for step, (x, y) in enumerate(batches(steps) if data is None else data):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if each is not None:
            each(step, x)
    return model


def seen(model: nn.Module, inputs: Any = None, **options: Any) -> Report:
    """`check` on eight batches of `batches`, or on `inputs`."""
    return check(model, list(batches(8, seed=1)) if inputs is None else inputs, **options)


def severities(report: Report) -> dict[str, str]:
    """The findings' severity by rule."""
    return {finding.rule: finding.severity for finding in report.findings}


def watched(model: nn.Module, each: Callable[[int, Tensor], None] | None) -> dict[str, str]:
    """The findings of a watched training, severity by rule."""
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", budget=1e9)  # looks hang on no clock
        trained(model, each=each)
        report = watcher.close()
    assert report is not None
    return severities(report)
