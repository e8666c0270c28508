"""What stands in front of the gates, and what batch norm modules keep of it.

Index letters: T time steps, P passes (batches), m samples per batch, G gate inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.recurrent import RecurrentLayer

Floats = NDArray[np.float64]
VARIES: Final = 1e-12  # below this a float32 variance is rounding


def terms(layer: RecurrentLayer, sequences: Tensor) -> dict[str, Tensor]:
    """W_x x and W_h h at every step, (T, B, G), in front of any normalizer, for `sequences` (B, T·D)."""
    with _listening(layer) as heard:
        layer(sequences)
    inputs = heard["input"][0]
    return {"input": inputs.view(layer.steps, -1, inputs.shape[1]), "hidden": torch.stack(heard["hidden"])}


@contextmanager
def _listening(layer: RecurrentLayer) -> Iterator[dict[str, list[Tensor]]]:
    heard: dict[str, list[Tensor]] = {"input": [], "hidden": []}
    handles = [
        module.register_forward_hook(lambda _, arguments, output, kept=heard[name]: kept.append(output))
        for name, module in (("input", layer.inputs), ("hidden", layer.hidden))
    ]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


class Kept:
    """What `nn.BatchNorm1d` keeps of G channels at T steps: `shared`, one module for all steps, and `per_step`, one for each.

    The T modules are one with T·G channels, as no channel knows of another.
    """

    def __init__(self, channels: int, steps: int, momentum: float | None) -> None:
        self.shape = (steps, channels)
        self.shared = nn.BatchNorm1d(channels, momentum=momentum, affine=False)
        self.per_step = nn.BatchNorm1d(steps * channels, momentum=momentum, affine=False)

    def add(self, batch: Tensor) -> None:
        """Show the modules one `batch` (T, m, G), step by step. Raises: ValueError for a batch of one, PyTorch's."""
        for values in batch:
            self.shared(values)
        self.per_step(batch.transpose(0, 1).flatten(1))

    def of_unit(self, unit: int) -> tuple[Floats, Floats]:
        """Running mean and variance (T,) of `unit`, per step."""
        mean, var = (numbers(part.view(self.shape)[:, unit]) for part in statistics(self.per_step))
        return mean, var

    def handed_on(self, mean: Tensor, var: Tensor) -> tuple[Floats, Floats]:
        """Mean (RMS over units) and s.d. (mean over units) of what eval mode makes of values, per step and shared, (2, T) each.

        The values have that `mean` and `var` (T, G); in eval mode batch norm is a straight line.
        """
        ends = torch.stack((mean, mean + var.sqrt()))
        per_step = self.per_step.eval()(ends.flatten(1)).view(2, *self.shape)
        shared = self.shared.eval()(ends.flatten(0, 1)).view(2, *self.shape)
        low, high = torch.stack((per_step, shared), dim=1)
        return numbers(low.square().mean(2).sqrt()), numbers((high - low).mean(2))


def measured_weights(values: Tensor, momentum: float | None) -> Floats:
    """Weight (T,) of each step in a shared running mean, of one unit's `values` (P, T, m).

    One `nn.BatchNorm1d` with T + 1 channels of the same values: channel k has 1 added at step k, the last nothing.
    """
    steps = values.shape[1]
    norm = nn.BatchNorm1d(steps + 1, momentum=momentum, affine=False).double()
    raised = torch.eye(steps, steps + 1, dtype=torch.float64)
    for batch in values.double().unsqueeze(3):
        for column, raise_one in zip(batch, raised, strict=True):
            norm(column + raise_one)
    mean = statistics(norm)[0]
    return numbers(mean[:-1] - mean[-1])


def movement(mean: Tensor, var: Tensor) -> Tensor:
    """S.d. over steps of each unit's `mean`, in its mean s.d. over the steps at which something varies, (G,); both (T, G)."""
    typical = var.sqrt().sum(0) / (var > 0).sum(0).clamp(min=1)
    return mean.std(0, unbiased=False) / typical.clamp(min=1e-30)


def fluctuation(means: Tensor, mean: Tensor, var: Tensor) -> Floats:
    """RMS over units and passes of (batch mean − mean)/σ for each step; `means` (P, T, G)."""
    alive = var > VARIES
    squares = torch.where(alive, (means - mean).square() / var.clamp(min=VARIES), torch.zeros(()))
    return numbers((squares.mean(0).sum(1) / alive.sum(1)).sqrt())  # 0/0 is NaN


def statistics(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Running mean and variance."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def numbers(values: Tensor) -> Floats:
    """`values` as NumPy numbers."""
    array: Floats = values.detach().double().numpy()
    return array
