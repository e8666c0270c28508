"""`bnviz check train.py:model`: the logic of the command. The file is the user's own and is run, as `python train.py` would be."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from torch import nn

from bnviz.errors import shortened
from bnviz.i18n import N_
from bnviz.inspect.checking import check as check_model
from bnviz.inspect.errors import InspectionError

HEALTHY: Final = 0
UNHEALTHY: Final = 1
IMPOSSIBLE: Final = 2
# What the file may call its batches, and what belongs to them.
INPUTS: Final = ("inputs", "loader", "train_loader", "dataloader", "batch")
OPTIONS: Final = ("targets", "loss", "optimizer", "recalibrate")
EXAMPLE: Final = N_(
    "{file} has none of {names}: give the batches one of these names. A line such as inputs = torch.randn(32, 3, 32, 32) will do."
)


def check(target: str) -> int:
    """Check the model that `target`, `file.py:name`, names; print the report. 0 in order, 1 an error finding, 2 nothing checked.

    `name` is a module, or a function without arguments that makes one. Its inputs are the file's `inputs`, `loader` …;
    `targets`, `loss`, `optimizer` and `recalibrate` are used where the file has them.
    """
    try:
        model, inputs, options = _wanted(target)
        report = check_model(model, inputs, **options)
    except InspectionError as error:
        print(error, file=sys.stderr)
        return IMPOSSIBLE
    print(report)
    return UNHEALTHY if report.errors else HEALTHY


def _wanted(target: str) -> tuple[nn.Module, Any, dict[str, Any]]:
    file, _, name = target.rpartition(":")
    if not file or not name:
        raise InspectionError(
            N_("Name the file and the model, as in train.py:model; got {given}."), given=shortened(target, 200)
        )
    space = _executed(Path(file))
    if name not in space:
        raise InspectionError(N_("{file} has no {name}."), file=shortened(file, 200), name=shortened(name))
    model = space[name]
    if not isinstance(model, nn.Module) and callable(model):
        with _telling(target):
            model = model()
    inputs = next((space[known] for known in INPUTS if known in space), None)
    if inputs is None:
        raise InspectionError(EXAMPLE, file=shortened(file, 200), names=", ".join(INPUTS))
    return model, inputs, {known: space[known] for known in OPTIONS if known in space}


def _executed(path: Path) -> Mapping[str, Any]:
    """The names of the file after it has run, with its folder importable; not as `__main__`, so that a guarded training stays out."""
    if not path.is_file():
        raise InspectionError(N_("There is no file {file}."), file=shortened(path, 200))
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        with _telling(path):
            return runpy.run_path(str(path), run_name="bnviz_check")
    finally:
        with suppress(ValueError):  # the file may have put the path in order itself
            sys.path.remove(folder)


@contextmanager
def _telling(what: object) -> Iterator[None]:
    """One sentence for whatever the user's own code raises; an end of the program is none of its results here."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise InspectionError(
            N_("{file} raises {kind}: {error}"),
            file=shortened(what, 200),
            kind=type(error).__name__,
            error=shortened(error, 200),
        ) from error
