"""What the callbacks of all libraries share: one watch from the beginning of a training to its end."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from bnviz.errors import BnvizError
from bnviz.i18n import N_
from bnviz.inspect import Report, Watcher, watch
from bnviz.inspect.watching import BUDGET

MAX_WRAPPERS: Final = 8  # around an optimizer that are looked into


class MissingPackageError(BnvizError, ImportError):
    """The library that a module of `bnviz.integrations` is for is not installed."""


class Recorder:
    """A watch over whatever trains next. A second training is recorded into a new file beside the first."""

    def __init__(self, path: str | Path, *, budget: float = BUDGET, limit: int | None = None) -> None:
        """Arguments as of `bnviz.watch`."""
        self.path = Path(path)
        """The file asked for."""
        self.written: Path | None = None
        """The file of the training that runs, or of the last one: another name where `path` existed."""
        self.report: Report | None = None
        """On the last training, once it has ended."""
        self._budget, self._limit = budget, limit
        self._watcher: Watcher | None = None

    def begin(self, model: nn.Module, optimizer: Any) -> None:
        """Watch `model` from now on. `optimizer`: that of the training, as its library wraps it; None leaves it open."""
        self.end()
        self.report = None
        self._watcher = watch(model, self.path, optimizer=unwrapped(optimizer), budget=self._budget, limit=self._limit)
        self.written = self._watcher.path

    def end(self) -> None:
        """Finish the file and keep the report; nothing where no training runs."""
        if self._watcher is not None:
            self.report = self._watcher.close()
            self._watcher = None  # what is left can be copied and pickled with its trainer


def unwrapped(optimizer: Any) -> torch.optim.Optimizer | None:
    """PyTorch's optimizer inside those that Accelerate and Lightning put around it; None where there is none."""
    for _ in range(MAX_WRAPPERS):
        inner = getattr(optimizer, "optimizer", None)
        if not isinstance(inner, torch.optim.Optimizer):
            break
        optimizer = inner
    return optimizer if isinstance(optimizer, torch.optim.Optimizer) else None


def base_classes(name: str, *modules: str) -> tuple[type[Any], ...]:
    """The class `name` of each of `modules` whose package the program has imported, else of the first that is installed.

    Raises: MissingPackageError where none is.
    """
    packages = {module: module.partition(".")[0] for module in modules}
    chosen = [module for module, package in packages.items() if package in sys.modules]
    chosen = chosen or [module for module, package in packages.items() if find_spec(package) is not None][:1]
    if not chosen:
        raise MissingPackageError(
            N_("This callback needs {names}; pip installs it."), names=" / ".join(packages.values())
        )
    return tuple(getattr(import_module(module), name) for module in chosen)
