"""The experiment that decides most quarrels about eval(): count the statistics again on a copy and evaluate both."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from bnviz.core.recalibration import refilling
from bnviz.inspect.batches import Batch, mapped
from bnviz.inspect.evidence import Refill
from bnviz.inspect.layers import norm_modules
from bnviz.inspect.trace import tensors

Loss = Callable[[Any, Any], Tensor]
MAX_PARTS: Final = 64  # of a batch whose losses are asked for
ROUNDING: Final = 1e-4  # relative; between the loss of a batch and the average over its parts


@dataclass(frozen=True)
class _Judged:
    """How good one batch's outputs are in eval mode: a loss, or the mean squared distance from those with batch statistics."""

    whole: float
    parts: Tensor | None
    """The same of the batch's parts, single samples where there are not too many; None where it is no average over samples."""


def refilled(twin: nn.Module, batches: Sequence[Batch], refill: Sequence[Batch], loss: Loss | None) -> Refill | None:
    """Evaluate `batches` with the statistics as they are and after a plain average over `refill`; None without statistics.

    With `loss` and targets the two losses are compared, else the differences from the outputs with batch statistics; sample by
    sample, or where the loss is no average over samples batch by batch.
    """
    if not any(getattr(module, "running_mean", None) is not None for module in norm_modules(twin).values()):
        return None
    judged = [batch for batch in batches if batch.targets is not None] if loss is not None else []
    before = _all_judged(twin, judged or batches, loss if judged else None)
    for _ in refilling(_Caller(twin), cast("Iterable[Tensor]", refill)):
        pass
    after = _all_judged(twin, judged or batches, loss if judged else None)
    differences = _paired(before, after)
    degrees = len(differences) - 1
    error = float(differences.std()) / math.sqrt(len(differences)) if degrees else None
    first, second = (sum(part.whole for part in side) / len(side) for side in (before, after))
    if not judged:  # of squares so far: roots, and the error of their difference to first order
        first, second = math.sqrt(first), math.sqrt(second)
        error = error / (first + second) if error is not None and first + second > 0 else error
    return Refill(first, second, error, degrees, is_loss=bool(judged))


def _paired(before: Sequence[_Judged], after: Sequence[_Judged]) -> Tensor:
    """(N,) differences of what is comparable: all parts of all batches, or the batches."""
    pairs = list(zip(before, after, strict=True))
    if all(one.parts is not None and other.parts is not None for one, other in pairs):
        return torch.cat([cast("Tensor", one.parts) - cast("Tensor", other.parts) for one, other in pairs])
    return torch.tensor([one.whole - other.whole for one, other in pairs], dtype=torch.float64)


class _Caller(nn.Module):
    """`model` as a module of one argument: a whole `Batch`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Any:
        return self.model(*batch.args, **batch.named)


@torch.no_grad()
def _all_judged(model: nn.Module, batches: Sequence[Batch], loss: Loss | None) -> list[_Judged]:
    model.eval()
    return [_gap(model, batch) if loss is None else _loss(model, batch, loss) for batch in batches]


def _loss(model: nn.Module, batch: Batch, loss: Loss) -> _Judged:
    outputs = model(*batch.args, **batch.named)
    whole = float(loss(outputs, batch.targets))
    sizes = {values.shape[0] if values.ndim else 1 for values in tensors((outputs, batch.targets))}
    size = sizes.pop() if len(sizes) == 1 else 1
    if size == 1:
        return _Judged(whole, None)

    def of(part: Tensor) -> float:
        return float(loss(*mapped((outputs, batch.targets), lambda values: values[part])))

    parts = torch.arange(size).chunk(MAX_PARTS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a loss that is asked about one sample, though not by its author
            losses = torch.tensor([of(part) for part in parts], dtype=torch.float64)
    except Exception:
        return _Judged(whole, None)  # a loss that wants the whole batch
    average = float(losses @ torch.tensor([len(part) / size for part in parts], dtype=torch.float64))
    return _Judged(whole, losses if math.isclose(average, whole, rel_tol=ROUNDING, abs_tol=1e-9) else None)


def _gap(model: nn.Module, batch: Batch) -> _Judged:
    """Eval outputs against those with batch statistics (all else in eval mode): mean squares, in the latter's variances."""
    evaluation = [values.clone() for values in tensors(model(*batch.args, **batch.named)) if values.is_floating_point()]
    norms: Mapping[str, nn.Module] = norm_modules(model)
    kept = [(module, name, values) for module in norms.values() for name, values in module._buffers.items()]
    try:
        for module, name, values in kept:
            module._buffers[name] = None if values is None else values.clone()
            module.train()
        train = [values for values in tensors(model(*batch.args, **batch.named)) if values.is_floating_point()]
    finally:
        for module, name, values in kept:
            module._buffers[name] = values
        model.eval()
    squares = [
        (a - b).double().square() / b.double().var(correction=0).clamp_min(1e-300)
        for a, b in zip(evaluation, train, strict=True)
    ]
    if not squares:
        return _Judged(0.0, None)
    worst = max(squares, key=lambda part: float(part.mean()))
    return _Judged(float(worst.mean()), worst.flatten(1).mean(dim=1) if worst.ndim > 1 else None)
