"""Topic `backward` of the lab `modes`: the same outputs in both modes, and what their gradients have in common.

Index letters: L hidden layers (each with one batch norm), T optimizer steps, m samples of the batch, n units.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.recalibration import refill
from bnviz.core.replica_networks import plain_network
from bnviz.labs.modes.backward.result import WAYS, Floats, Result, WayName
from bnviz.labs.modes.backward.settings import Settings
from bnviz.labs.modes.shared.network import (
    Batches,
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    norms_of,
    sgd,
    step_seconds,
    take_step,
    training_batches,
)
from bnviz.theory import placement

Batch = tuple[Tensor, Tensor]  # images (m, 64), labels (m,)


def run(settings: Settings) -> Result:
    """Train in both ways, and compare the gradients of the batch after the last step in both modes.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    _check(settings)
    batches = training_batches(digits_of(settings), settings.batch_size, settings.steps + 1)
    stock, (images, labels) = batches.part(0, settings.steps), batches[settings.steps]
    trainings = [_train(settings, way, stock) for way in WAYS]
    network = trainings[WAYS.index("train")].network.double()
    batch = images.double(), labels
    running = _gradients(copy.deepcopy(network).eval(), batch)
    adopted = copy.deepcopy(network)
    adopt_statistics(adopted, batch[0])
    same = _gradients(adopted, batch)
    train = _gradients(network.train(), batch)
    layers = [_through_norm(*pair) for pair in zip(norms_of(network), train.passes, strict=True)]
    columns = {name: np.array([layer[name] for layer in layers]) for name in layers[0]}
    losses = np.array([training.loss for training in trainings])
    return Result(
        settings=settings,
        batch_loss=train.loss,
        batch_loss_same=same.loss,
        batch_loss_running=running.loss,
        cosine_same=_cosines(train.of_weights, same.of_weights),
        cosine_running=_cosines(train.of_weights, running.of_weights),
        kept_anywhere=1 - 2 / settings.batch_size,
        overlap=np.stack([_cosines(gradients.weights, gradients.of_weights) for gradients in (train, same)]),
        overlap_theory=columns.pop("overlap") / _lengths(train),
        loss=losses,
        loss_end=losses[:, -max(1, settings.steps // 4) :].mean(1),
        weight_norm=np.array([training.weight_norm for training in trainings]),
        **columns,
    )


def adopt_statistics(network: nn.Module, images: Tensor) -> None:
    """Afterwards `network` is in eval mode and its running statistics are those with which train mode normalizes these `images`."""
    refill(network, [images])
    for norm in norms_of(network):
        assert norm.running_var is not None
        # PyTorch keeps the unbiased variance, and normalizes with the biased one
        norm.running_var.mul_(1 - 1 / len(images))
    network.eval()


def _check(settings: Settings) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    forward = forward_seconds(settings, settings.batch_size)
    # Both ways take every step, and one sees the batch once more; the comparison at the end has twice the bytes.
    step = step_seconds(settings, settings.batch_size)
    seconds = settings.steps * (2 * step + 1.6 * forward + 6e-5) + 30 * forward
    check_seconds(1.15 * seconds, ("steps", "batch_size", "depth", "width"))


@dataclass(frozen=True, slots=True)
class _Training:
    """The trained `network`; `loss` (T,) and `weight_norm` (T+1,)."""

    network: nn.Sequential
    loss: list[float]
    weight_norm: list[float]


def _train(settings: Settings, way: WayName, stock: Batches) -> _Training:
    network = plain_network(network_plan(settings), settings.seed)
    optimizer = sgd(network, settings)
    weights = _hidden_weights(network)[0]
    losses, lengths = [], [float(weights.detach().norm())]
    for images, labels in stock:
        if way == "constants":
            adopt_statistics(network, images)
        losses.append(float(take_step(network, optimizer, images, labels)))
        lengths.append(float(weights.detach().norm()))
    return _Training(network, losses, lengths)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One batch norm: what entered (m, n), and the gradients at its input and its output (m, n)."""

    entered: Tensor
    at_input: Tensor
    at_output: Tensor


@dataclass(frozen=True, slots=True)
class _Gradients:
    """Of one batch: loss; weights of the hidden layers with their gradients (L,); what went through the batch norms (L,)."""

    loss: float
    weights: list[Tensor]
    of_weights: list[Tensor]
    passes: list[_Pass]


def _gradients(network: nn.Sequential, batch: Batch) -> _Gradients:
    """Forward and backward in whatever mode `network` is in."""
    seen: list[tuple[Tensor, Tensor]] = []
    images, labels = batch
    values = images
    for module in network:
        entered, values = values, module(values)
        if isinstance(module, nn.BatchNorm1d):
            seen.append((entered, values))
    loss = functional.cross_entropy(values, labels)
    weights = _hidden_weights(network)
    both = [tensor for pair in seen for tensor in pair]
    gradients = torch.autograd.grad(loss, [*weights, *both])
    inner = gradients[len(weights) :]
    passes = [
        _Pass(entered.detach(), *pair) for (entered, _left), *pair in zip(seen, inner[::2], inner[1::2], strict=True)
    ]
    return _Gradients(
        float(loss.detach()), [weight.detach() for weight in weights], list(gradients[: len(weights)]), passes
    )


def _through_norm(norm: nn.BatchNorm1d, seen: _Pass) -> dict[str, float]:
    """What `norm` lets through of the gradient at its output, and how much of it theory expects."""
    gamma = norm.weight.detach()
    spread = (seen.entered.var(0, correction=0) + norm.eps).sqrt()
    normal = (seen.entered - seen.entered.mean(0)) / spread
    as_constants = gamma / spread * seen.at_output
    whole = float(as_constants.square().sum())
    numbers = seen.entered.numpy(), seen.at_output.numpy(), gamma.numpy(), norm.eps
    by_theory = float(np.square(placement.batch_norm_backward(*numbers)).sum())
    mean, along = as_constants.mean(0), (as_constants * normal).mean(0)
    return {
        "kept": _ratio(float(seen.at_input.square().sum()), whole),
        "kept_theory": _ratio(by_theory, whole),
        "removed_mean": _ratio(len(normal) * float(mean.square().sum()), whole),
        "removed_var": _ratio(len(normal) * float(along.square().sum()), whole),
        "overlap": float(placement.weight_gradient_overlap(*numbers).sum()),
    }


def _hidden_weights(network: nn.Sequential) -> list[Tensor]:
    """The weights of the layers in front of the batch norms."""
    return [module.weight for module in network if isinstance(module, nn.Linear)][:-1]


def _lengths(gradients: _Gradients) -> Floats:
    """(L,) product of the lengths of a layer's weights and of their gradient."""
    pairs = zip(gradients.weights, gradients.of_weights, strict=True)
    return np.array([float(weight.norm() * gradient.norm()) or math.nan for weight, gradient in pairs])


def _cosines(first: list[Tensor], second: list[Tensor]) -> Floats:
    """(L,) cosine of each pair; NaN where one of them has no length."""
    return np.array(
        [
            _ratio(float((one * other).sum()), float(one.norm() * other.norm()))
            for one, other in zip(first, second, strict=True)
        ]
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
