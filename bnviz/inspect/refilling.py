"""The experiment that decides most quarrels about eval(): count the statistics again on a copy and evaluate both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from bnviz.core.recalibration import refilling
from bnviz.inspect.batches import Batch
from bnviz.inspect.evidence import Refill
from bnviz.inspect.layers import norm_modules
from bnviz.inspect.trace import tensors

Loss = Callable[[Any, Any], Tensor]


def refilled(twin: nn.Module, batches: Sequence[Batch], refill: Sequence[Batch], loss: Loss | None) -> Refill | None:
    """Evaluate `batches` with the statistics as they are and after a plain average over `refill`; None without statistics.

    With `loss` and targets the two losses are compared batch by batch, else the difference from train mode's outputs.
    """
    if not any(getattr(module, "running_mean", None) is not None for module in norm_modules(twin).values()):
        return None
    judged = [batch for batch in batches if batch.targets is not None] if loss is not None else []
    before = _losses(twin, judged, loss) if loss is not None and judged else [_gap(twin, batch) for batch in batches]
    for _ in refilling(_Caller(twin), cast("Iterable[Tensor]", refill)):
        pass
    after = _losses(twin, judged, loss) if loss is not None and judged else [_gap(twin, batch) for batch in batches]
    differences = torch.tensor(before, dtype=torch.float64) - torch.tensor(after, dtype=torch.float64)
    error = float(differences.std()) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
    return Refill(sum(before) / len(before), sum(after) / len(after), error, is_loss=bool(judged))


class _Caller(nn.Module):
    """`model` as a module of one argument: a whole `Batch`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Any:
        return self.model(*batch.args, **batch.named)


@torch.no_grad()
def _losses(model: nn.Module, batches: Sequence[Batch], loss: Loss | None) -> list[float]:
    model.eval()
    return [float(loss(model(*b.args, **b.named), b.targets)) for b in batches] if loss is not None else []


@torch.no_grad()
def _gap(model: nn.Module, batch: Batch) -> float:
    """RMS difference between eval outputs and those with batch statistics (all else in eval mode), in standard deviations."""
    model.eval()
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
    pairs = zip(evaluation, train, strict=True)
    ratios = [
        float((a - b).double().square().mean().sqrt() / b.double().std(correction=0).clamp_min(1e-300))
        for a, b in pairs
    ]
    return max(ratios, default=0.0)
