"""Dropout in front of batch norm, in training and in eval mode, for the topics `shift` and `dropout` of the lab `noise`.

Index letters: L hidden layers, S networks, B samples, n units, K bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from bnviz import work
from bnviz.core.recalibration import recalibrate
from bnviz.core.replica_data import ReplicaData
from bnviz.core.replica_layers import StackedDropout
from bnviz.core.replica_networks import DropoutOrder, NetworkPlan
from bnviz.core.replicas import Replicas
from bnviz.labs.noise.shared.parameters import OrderName
from bnviz.labs.noise.shared.settings import DropoutNetwork
from bnviz.labs.noise.shared.shift import Floats, Shift
from bnviz.study.histogram import Histogram, histogram
from bnviz.theory import dropout as theory
from bnviz.theory.variance_shift import Block, chained_ratios

FEATURES, CLASSES = 64, 10
RARE: Final = 0.05  # a unit that is on for fewer images has no variance that so few of them could tell
HUGE: Final = 1e6
PRODUCT_SECONDS: Final = 1e-10  # in double precision
REACH, BINS = 6.0, 120

ORDER: Final[dict[OrderName, DropoutOrder]] = {
    "none": "none",
    "dropout_before_norm": "before_norm",
    "dropout_after_norm": "after_last_norm",
}


def network_plan(settings: DropoutNetwork, order: OrderName) -> NetworkPlan:
    """[Linear → ReLU → (Dropout) → BN] × depth → Linear."""
    return NetworkPlan(
        inputs=FEATURES,
        classes=CLASSES,
        widths=(settings.width,) * settings.depth,
        position="after",
        init="he",
        dropout=0.0 if order == "none" else settings.dropout,
        dropout_order=ORDER[order],
    )


@torch.no_grad()
def measure_shift(network: Replicas, data: ReplicaData, p: float, passes: int) -> Shift:
    """Fill the running statistics with Dropout on, over all training images `passes` times, and compare the modes.

    `p`: rate of the Dropout in front of the batch norms. The network is left as it was: its running statistics, its modes,
    and how far its Dropout has drawn.
    """
    with _restored(network):
        recalibrate(network, data, data.train.shape[1], passes, dropout=True)
        variances = [_rows(norm.running_var, network.count) for norm in _norms(network)]
        samples = data.samples(data.train)[0]
        evaluation, clean, eval_logits = _passed(network.eval(), samples)
        network.train()
        _, first, logits = _passed(network, samples)
        second = first if p == 0 else _passed(network, samples)[1]
    # A replica that diverges, or is about to, has no variance to speak of; the others' are averaged.
    alive = torch.stack([part.abs().amax((1, 2)) < HUGE for part in (*evaluation, *first, *second)]).all(0)
    rows = _layers(network, p, alive, (evaluation, variances, clean, first, second)) if alive.any() else []
    rows = rows or [(np.empty(0),) * 3 for _ in evaluation]
    total = int(alive.sum()) * evaluation[0].shape[2]
    return Shift(
        ratio=np.array([_mean(row[0]) for row in rows]),
        ratio_error=np.array([_error(row[0] - row[1]) for row in rows]),
        ratio_theory=np.array([_mean(row[1]) for row in rows]),
        local=np.array([_mean(row[2]) for row in rows]),
        left_out=np.array([total - len(row[0]) for row in rows], dtype=np.int64),
        units=total,
        unit_ratio=tuple(row[0] for row in rows),
        unit_theory=tuple(row[1] for row in rows),
        training=_histogram(logits),
        evaluation=_histogram(eval_logits),
        logit_variance=np.array([_mean(part[alive].double().numpy().var(axis=1)) for part in (logits, eval_logits)]),
    )


def _layers(network: Replicas, p: float, alive: Tensor, seen: tuple[Any, ...]) -> list[tuple[Floats, Floats, Floats]]:
    """For each layer and the units that are on often enough: the measured ratio, the predicted, and the own Dropout's alone."""
    evaluation, variances, clean, first, second = seen
    eps = float(_norms(network)[0].eps)
    blocks = [_block(network, index, alive, *pair) for index, pair in enumerate(zip(first, second, strict=True))]
    rows = []
    for values, variance, block, ratio, on in zip(
        evaluation, variances, blocks, _ratios(blocks, p, eps), clean, strict=True
    ):
        kept = (on[alive] > 0).float().mean(1).numpy() >= RARE
        spread = np.diagonal(block.covariance, axis1=1, axis2=2)
        measured = values[alive].double().numpy().var(axis=1) / (variance[alive.numpy()] + eps)
        local = spread / (theory.training_variance(spread, block.mean, p) + eps)
        rows.append((measured[kept], ratio[kept], local[kept]))
    return rows


def _ratios(blocks: Sequence[Block], p: float, eps: float) -> list[Floats]:
    """`chained_ratios`, one network after the other: all of them at once would be a long silence."""
    rows = []
    for index in range(len(blocks[0].mean)):
        parts = [Block(*(getattr(block, field.name)[index : index + 1] for field in fields(Block))) for block in blocks]
        rows.append(chained_ratios(parts, p, eps))
        work.done(2 * PRODUCT_SECONDS * sum(part.weight[0].size * part.weight.shape[2] for part in parts))
    return [np.concatenate(layer) for layer in zip(*rows, strict=True)]


def _norms(network: Replicas) -> list[nn.BatchNorm1d]:
    return [norm for norm in network.modules() if isinstance(norm, nn.BatchNorm1d)]


def _rows(buffer: Tensor | None, count: int) -> Floats:
    assert buffer is not None
    return buffer.view(count, -1).double().numpy().copy()


def _passed(network: Replicas, samples: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """What enters each batch norm, what leaves each ReLU, (S, B, n), and the logits, in the mode that `network` is in."""
    entered: list[Tensor] = []
    left: list[Tensor] = []

    def keep_input(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        entered.append(arguments[0])

    def keep_output(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
        left.append(output)

    handles = [norm.register_forward_pre_hook(keep_input) for norm in network.normalizers]
    handles += [activation.register_forward_hook(keep_output) for activation in network.activations]
    try:
        logits: Tensor = network(samples)
    finally:
        for handle in handles:
            handle.remove()
    return entered, left, logits


@contextmanager
def _restored(network: Replicas) -> Iterator[None]:
    """On leaving, buffers, modes and the Dropouts' generators are what they were."""
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    modes = [(module, module.training) for module in network.modules()]
    generators = {
        generator
        for module in network.modules()
        if isinstance(module, StackedDropout)
        for generator in module.generators
    }
    states = [(generator, generator.get_state()) for generator in generators]
    try:
        yield
    finally:
        for buffer, value in buffers:
            buffer.copy_(value)
        for module, mode in modes:
            module.training = mode
        for generator, state in states:
            generator.set_state(state)


def _block(network: Replicas, place: int, alive: Tensor, first: Tensor, second: Tensor) -> Block:
    """What the theory needs of one block of the replicas `alive` (S,), from two training passes under different masks."""
    linear, norm, count = network.linears[place], _norms(network)[place], network.count
    samples = first.shape[1]
    assert linear.bias is not None
    one = _centred(first[alive])
    covariance = signal = (one.transpose(1, 2) @ one / samples).double().numpy()
    if second is not first:
        signal = (one.transpose(1, 2) @ _centred(second[alive]) / samples).double().numpy()
    work.done(2 * PRODUCT_SECONDS * one.numel() * one.shape[2])
    return Block(
        weight=linear.weight[alive].transpose(1, 2).double().numpy(),
        bias=linear.bias[alive, 0].double().numpy(),
        gamma=norm.weight.view(count, -1)[alive].double().numpy(),
        beta=norm.bias.view(count, -1)[alive].double().numpy(),
        mean=first[alive].double().mean(1).numpy(),
        covariance=covariance,
        signal=(signal + signal.transpose(0, 2, 1)) / 2,
    )


def _centred(values: Tensor) -> Tensor:
    """`values` (S, B, n), each unit's from their mean."""
    return values - values.mean(1, keepdim=True)


def _histogram(logits: Tensor) -> Histogram:
    """All logits together, each centred."""
    counted = histogram(_centred(logits).numpy().reshape(1, -1), -REACH, REACH, BINS)
    return Histogram(counted.edges, counted.counts[0])


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _error(differences: Floats) -> float:
    return float(differences.std() / np.sqrt(differences.size)) if differences.size else float("nan")
