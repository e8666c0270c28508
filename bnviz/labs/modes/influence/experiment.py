"""Topic `influence` of the lab `modes`: which samples of a batch does a sample's output depend on?

Index letters: V normalizers, m samples per batch (i whose output, j whose input), K logits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.replica_networks import plain_network
from bnviz.errors import Phrase, SettingError
from bnviz.i18n import N_
from bnviz.labs.modes.influence.result import Floats, Result
from bnviz.labs.modes.influence.settings import Settings
from bnviz.labs.modes.shared.network import (
    CLASSES,
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
from bnviz.settings import NormalizerName

NORMALIZERS: Final[tuple[NormalizerName, ...]] = ("batch", "layer", "group", "none")
WARM_UP: Final = 20  # training steps before it is differentiated, so that the running statistics are worth something


def run(settings: Settings) -> Result:
    """Train each network for a few steps, then differentiate every sample's logits with respect to every sample's image.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one in train mode; SettingError where
    `groups` does not divide `width`.
    """
    _check(settings)
    data = digits_of(settings)
    batches = training_batches(data, settings.batch_size, WARM_UP + 2)
    stock, other, (images, labels) = batches.part(0, WARM_UP), batches[WARM_UP], batches[WARM_UP + 1]
    changed = min(settings.sample, len(images)) - 1
    replaced = images.clone()
    replaced[changed] = other[0][changed]
    rows = []
    for normalizer in NORMALIZERS:
        network = _trained(settings, normalizer, stock)
        before, after = (_outputs_and_gradients(network, batch, labels) for batch in (images, replaced))
        rows.append((_jacobian(network, images), _changes(before, after)))
        if normalizer == "batch":
            entered = network[0](images)[:, :1].detach()
            norm = _one_unit(norms_of(network)[0])
    jacobian = _autograd(norm, entered)
    values = entered[:, 0].double().numpy()
    return Result(
        settings=settings,
        normalizers=NORMALIZERS,
        influence=(blocks := np.stack([block for block, _ in rows])),
        from_others=np.array([_share_from_others(block) for block in blocks]),
        others_that_move=np.array([_others_that_move(block) for block in blocks]),
        changed=changed,
        output_change=np.stack([output for _, (output, _) in rows]),
        gradient_change=np.stack([gradient for _, (_, gradient) in rows]),
        values=values,
        jacobian=jacobian,
        jacobian_theory=_closed_form(norm, values, training=settings.mode == "train"),
        variance=float(values.var()) if settings.mode == "train" else float(norm.running_var),  # type: ignore[arg-type]
        gamma=float(norm.weight),
        eps=norm.eps,
    )


def _check(settings: Settings) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    if settings.width % settings.groups:
        raise SettingError(
            "groups", Phrase(N_("a divisor of the width, {width}"), {"width": settings.width}), settings.groups
        )
    step = step_seconds(settings, settings.batch_size)
    rows = CLASSES * settings.batch_size
    # One backward pass per row of the Jacobian, of all its columns at once.
    backward = 1.2 * forward_seconds(settings, settings.batch_size * rows)
    backward += settings.batch_size * 1e-4 * (settings.depth + 1) + rows * settings.batch_size * 4e-7
    check_seconds(
        1.15 * len(NORMALIZERS) * ((WARM_UP + 8) * step + backward),
        ("batch_size", "width", "depth"),
    )


def _trained(settings: Settings, normalizer: NormalizerName, stock: Batches) -> nn.Sequential:
    network = plain_network(network_plan(settings, normalizer, settings.groups), settings.seed).train()
    optimizer = sgd(network, settings)
    for images, labels in stock:
        take_step(network, optimizer, images, labels)
    return network.requires_grad_(requires_grad=False).train(settings.mode == "train")


def _jacobian(network: nn.Sequential, images: Tensor) -> Floats:
    """Frobenius norms (m, m) of the blocks of the Jacobian, rows by whose output, columns by whose input."""
    inputs = images.clone().requires_grad_()
    logits = network(inputs)
    blocks = np.empty((len(images), len(images)))
    for row in range(len(images)):
        unit = torch.zeros(CLASSES, *logits.shape)
        unit[torch.arange(CLASSES), row, torch.arange(CLASSES)] = 1
        (slopes,) = torch.autograd.grad(logits, inputs, unit, retain_graph=True, is_grads_batched=True)
        blocks[row] = slopes.double().square().sum((0, 2)).sqrt().numpy()
    return blocks


def _outputs_and_gradients(network: nn.Sequential, images: Tensor, labels: Tensor) -> tuple[Floats, Floats]:
    """Logits (m, K), and the gradient (m, 64) of each sample's own loss with respect to its own image."""
    inputs = images.clone().requires_grad_()
    logits = network(inputs)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    own = torch.eye(len(images))
    (slopes,) = torch.autograd.grad(losses, inputs, own, is_grads_batched=True)
    index = torch.arange(len(images))
    return logits.detach().double().numpy(), slopes[index, index].double().numpy()


def _changes(before: tuple[Floats, Floats], after: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    outputs = np.sqrt(((after[0] - before[0]) ** 2).mean(1)) / before[0].std()
    size = np.maximum(np.linalg.norm(before[1], axis=1), np.finfo(np.float32).tiny)
    return outputs, np.linalg.norm(after[1] - before[1], axis=1) / size


def _share_from_others(block: Floats) -> float:
    squares = block**2
    total = np.maximum(squares.sum(1), np.finfo(np.float64).tiny)
    return float((1 - np.diag(squares) / total).mean())


def _others_that_move(block: Floats) -> float:
    return float(((block != 0).sum(0) - (np.diag(block) != 0)).mean())


def _one_unit(norm: nn.BatchNorm1d) -> nn.BatchNorm1d:
    """A batch norm that is the first unit of `norm`, in double precision and in the same mode."""
    single = nn.BatchNorm1d(1, norm.eps, norm.momentum)
    single.load_state_dict({name: value[:1] if value.dim() else value for name, value in norm.state_dict().items()})
    return single.double().requires_grad_(requires_grad=False).train(norm.training)


def _autograd(norm: nn.BatchNorm1d, entered: Tensor) -> Floats:
    inputs = entered.double().requires_grad_()
    mean, var = norm.running_mean, norm.running_var
    assert mean is not None
    assert var is not None
    kept = mean.clone(), var.clone()
    (slopes,) = torch.autograd.grad(
        norm(inputs)[:, 0], inputs, torch.eye(len(inputs), dtype=torch.float64), is_grads_batched=True
    )
    mean.copy_(kept[0])  # the forward pass in train mode has moved them
    var.copy_(kept[1])
    return slopes[:, :, 0].numpy().astype(np.float64)


def _closed_form(norm: nn.BatchNorm1d, values: Floats, *, training: bool) -> Floats:
    """γ/√(v + ε)·(δ_ij − 1/m − x̂_i x̂_j/m) in train mode, γ/√(v + ε)·δ_ij in eval mode."""
    count = len(values)
    gamma = float(norm.weight)
    if not training:
        assert norm.running_var is not None
        return np.asarray(np.eye(count) * gamma / math.sqrt(float(norm.running_var) + norm.eps))
    scale = math.sqrt(values.var() + norm.eps)
    normal = (values - values.mean()) / scale
    return np.asarray(gamma / scale * (np.eye(count) - 1 / count - np.outer(normal, normal) / count))
