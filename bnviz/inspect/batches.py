"""Whatever people hand in as `inputs`, as a bounded list of batches: what the model is called with, and the targets if there are any."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.errors import shortened
from bnviz.i18n import N_
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.layers import bare
from bnviz.inspect.trace import tensors

MAX_BATCHES: Final = 16  # of a loader; one that never ends is read no further


@dataclass(frozen=True)
class Batch:
    """One call of the model."""

    args: tuple[Any, ...]
    named: Mapping[str, Any]
    targets: Any = None

    @property
    def size(self) -> int | None:
        """Samples: the first axis that all its tensors share, None where they share none."""
        sizes = {values.shape[0] if values.ndim else -1 for values in tensors((self.args, self.named))}
        return sizes.pop() if len(sizes) == 1 and sizes != {-1} else None

    def part(self, size: int) -> Batch:
        """Its first `size` samples."""
        return Batch(mapped(self.args, lambda values: values[:size]), mapped(self.named, lambda values: values[:size]))


def read_batches(model: nn.Module, inputs: Any, targets: Any = None, most: int = MAX_BATCHES) -> list[Batch]:
    """One batch (tensor, array, dictionary, tuple of arguments) or the first `most` of a loader, on the model's device.

    A loader's batch that is a tuple or a list holds as many inputs as `forward` requires and then the targets.
    Raises: InspectionError where there is no batch, or none that holds a tensor.
    """
    if isinstance(inputs, (Tensor, np.ndarray)):
        found = [Batch((inputs,), {}, targets)]
    elif isinstance(inputs, Mapping):
        found = [Batch((), dict(inputs), targets)]
    elif isinstance(inputs, tuple):
        found = [Batch(inputs, {}, targets)]
    elif isinstance(inputs, Iterable):
        found = [_of_loader(model, part) for part in _first(inputs, most)]
    else:
        found = []
    if not found:
        raise InspectionError(N_("The inputs hold no batch: {given}."), given=shortened(type(inputs).__name__))
    device = next((values.device for values in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    moved = [Batch(_on(batch.args, device), _on(batch.named, device), _on(batch.targets, device)) for batch in found]
    if not any(True for batch in moved for _ in tensors((batch.args, batch.named))):
        raise InspectionError(
            N_("The inputs hold no tensor: {given}."),
            given=shortened(type(found[0].args[:1] or found[0].named).__name__),
        )
    return moved


def _first(inputs: Iterable[Any], most: int) -> Iterator[Any]:
    try:
        yield from islice(inputs, most)
    except Exception as error:
        raise InspectionError(
            N_("The loader raises {kind}: {error}."), kind=type(error).__name__, error=shortened(error, 200)
        ) from error


def _of_loader(model: nn.Module, part: Any) -> Batch:
    if isinstance(part, Mapping):
        return Batch((), dict(part))
    if isinstance(part, (tuple, list)) and not isinstance(part, Tensor):
        wanted = min(_required(model), len(part))
        return Batch(tuple(part[:wanted]), {}, part[wanted] if len(part) > wanted else None)
    return Batch((part,), {})


def _required(model: nn.Module) -> int:
    """How many inputs `forward` cannot do without; at least one."""
    try:
        parameters = inspect.signature(bare(model).forward).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return max(1, sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters))


def _on(values: Any, device: torch.device) -> Any:
    return mapped(values, lambda part: part.to(device))


def mapped(values: Any, change: Any) -> Any:
    """`values` with every tensor (and array) in tuples, lists and dictionaries changed."""
    if isinstance(values, np.ndarray):
        return change(torch.from_numpy(values))
    if isinstance(values, Tensor):
        return change(values)
    if isinstance(values, Mapping):
        return {key: mapped(part, change) for key, part in values.items()}
    if isinstance(values, tuple):
        parts = [mapped(part, change) for part in values]
        return type(values)(*parts) if hasattr(values, "_fields") else tuple(parts)
    if isinstance(values, list):
        return [mapped(part, change) for part in values]
    return values
