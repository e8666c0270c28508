"""With batch norm, the gradient of one sample is not its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


def reproduce() -> Measured:
    """Relative distance of one sample's gradient in two batches that share only this sample: batch norm, layer norm."""
    batch = gaussian_batches(32, 8)
    one, other = batch(), batch()
    other[0] = one[0]

    def distance(normalizer: Callable[[int], nn.Module]) -> float:
        layer = linear(8, 8)
        model = nn.Sequential(layer, normalizer(8), nn.Tanh(), linear(8, 1, seed=1))

        def gradient(x: Tensor) -> Tensor:
            return torch.autograd.grad(model(x)[0].square().sum(), layer.weight)[0]

        here, there = gradient(one), gradient(other)
        return float((here - there).norm() / here.norm())

    return Measured(distance(nn.BatchNorm1d), distance(nn.LayerNorm))


CASE = Case(
    name="per_sample_gradients",
    family="design",
    symptom=N_("Per-sample gradients (differential privacy, vmap, jacrev) do not work with batch norm"),
    words=N_(
        "per-sample gradient, per sample gradients, differential privacy, DP-SGD, Opacus, ModuleValidator, grad "
        "sampler is not yet implemented for BatchNorm2d, private training, functorch, vmap, jacrev, jacfwd, "
        "hessian, transforms, torch.func, Batch norm got a batched tensor as input, running_mean were not batched, "
        "will be updated in place, mutate a captured Tensor, influence function"
    ),
    threads=(
        github("pytorch/pytorch", 85533),
        github("pytorch/functorch", 867),
        github("meta-pytorch/opacus", 319),
    ),
    links=(
        wrong("modes", topic="influence", mode="train"),
        right("modes", topic="influence", mode="eval"),
    ),
    look=N_(
        "relative distance of one sample's gradient in two batches that share only this sample: batch norm, and "
        "layer norm"
    ),
    cause=N_(
        "In train mode a sample's loss depends on its batch-mates, so there is no gradient of one sample alone: it "
        "cannot be clipped or kept private. And vmap cannot write running statistics in place."
    ),
    cure=N_(
        "Group or layer norm (Opacus: ModuleValidator.fix(model)), or eval mode, or track_running_stats=False where"
        " only the in-place update is in the way."
    ),
    reproduce=reproduce,
)
