"""Accumulated gradients of small batches are not the gradient of the large one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, wrong


def reproduce() -> Measured:
    """Distance of the gradient accumulated over 4 batches of 8 from that of one batch of 32, relative: batch norm, layer norm."""

    def distance(normalizer: Callable[[int], nn.Module]) -> float:
        layer = linear(16, 16)
        model = nn.Sequential(layer, normalizer(16), nn.ReLU(), linear(16, 1, seed=1))
        x, target = gaussian_batches(32, 16)(), gaussian_batches(32, 1, seed=1)()

        def gradient(size: int) -> Tensor:
            model.zero_grad()
            for inputs, targets in zip(torch.split(x, size), torch.split(target, size), strict=True):
                (nn.functional.mse_loss(model(inputs), targets) * size / len(x)).backward()  # type: ignore[no-untyped-call]
            assert layer.weight.grad is not None
            return layer.weight.grad.clone()

        whole = gradient(32)
        return float((gradient(8) - whole).norm() / whole.norm())

    return Measured(distance(nn.BatchNorm1d), distance(nn.LayerNorm))


CASE = Case(
    name="accumulation",
    family="batch",
    symptom=N_("Gradient accumulation does not give what a large batch gives"),
    words=N_(
        "gradient accumulation, accumulate gradients, accumulation steps, accumulate_grad_batches, micro-batch, "
        "iter_size, subdivisions, virtual batch size, effective batch size, equivalent to large batch, "
        "GradientCumulativeOptimizerHook, pipeline parallel"
    ),
    threads=(github("ultralytics/yolov5", 1630), github("open-mmlab/mmcv", 1869)),
    links=(wrong("modes", topic="update_count"),),
    look=N_(
        "distance of the gradient accumulated over 4 batches of 8 from that of one batch of 32, relative: batch "
        "norm, and layer norm"
    ),
    cause=N_(
        "Batch norm normalizes each small batch with its own mean and variance, so the outputs, and with them the "
        "gradients, differ from those of the large batch. The running statistics also move once per small batch."
    ),
    cure=N_(
        "Group or layer norm, synchronized batch norm over more devices, or a batch that is large enough by itself."
        " For the running statistics: momentum = 1 − (1 − α)^(1/k) with k small batches per step."
    ),
    reproduce=reproduce,
)
