"""What the topics of the lab `modes` share: one perceptron on digits, its batches, and bounded work.

Index letters: T batches, m samples per batch, L hidden layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.optimizers import SGD
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.replica_networks import NetworkPlan
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import NormalizerName
from bnviz.study.cost import check_cost
from bnviz.theory.running import pytorch_momentum

FEATURES: Final = 64
CLASSES: Final = 10
SECONDS: Final = 0.65


def network_plan(
    settings: NetworkSettings, normalizer: NormalizerName = "batch", groups: int | None = None
) -> NetworkPlan:
    """`depth` times Linear → normalizer (group norm with `groups`) → ReLU, then a Linear with the logits; He's initialization."""
    return NetworkPlan(
        inputs=FEATURES,
        classes=CLASSES,
        widths=(settings.width,) * settings.depth,
        normalizer=normalizer,
        init="he",
        groups=groups,
        momentum=pytorch_momentum(settings.momentum),
    )


def norms_of(network: nn.Module) -> list[nn.BatchNorm1d]:
    """Its batch norms, first layer first."""
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]


def digits_of(settings: NetworkSettings) -> ReplicaData:
    """The digits as the seed splits them."""
    return digits_data((settings.seed,))


@dataclass(frozen=True, slots=True)
class Batches:
    """Batches of images (m, 64) and labels (m,), each put together anew whenever it is asked for: together they can be 300 MB."""

    data: ReplicaData
    rows: Sequence[Tensor]
    """(T,): which samples are in each, (m,)."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return ((self.data.features[row], self.data.labels[row]) for row in self.rows)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        row = self.rows[number]
        return self.data.features[row], self.data.labels[row]

    def part(self, start: int, stop: int | None = None) -> Batches:
        """Those from `start` on, and before `stop`."""
        return Batches(self.data, self.rows[start:stop])


def training_batches(data: ReplicaData, batch_size: int, count: int) -> Batches:
    """The first `count` batches of the data's only seed, in the order of training."""
    return Batches(data, batch_indices(data, batch_size, count)[:, 0].unbind())


@contextmanager
def restored(network: nn.Module) -> Iterator[None]:
    """Inside, modes, running statistics and momentums may change; afterwards they are what they were before."""
    modes = [(module, module.training) for module in network.modules()]
    momentums = [(norm, norm.momentum) for norm in norms_of(network)]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for norm, momentum in momentums:
            norm.momentum = momentum
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


def sgd(network: nn.Module, settings: NetworkSettings) -> SGD:
    """Plain SGD on what is not frozen."""
    return SGD([parameter for parameter in network.parameters() if parameter.requires_grad], (settings.learning_rate,))


def take_step(network: nn.Module, optimizer: SGD, images: Tensor, labels: Tensor) -> Tensor:
    """One optimizer step in whatever mode the modules are in; returns the loss."""
    loss = functional.cross_entropy(network(images), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def forward_seconds(settings: NetworkSettings, samples: int, replicas: int = 1) -> float:
    """About what one forward pass of `samples` images costs on one core."""
    return 3.5e-5 * (settings.depth + 1) + _arithmetic(settings, samples, replicas)


def step_seconds(settings: NetworkSettings, samples: int, replicas: int = 1) -> float:
    """The same of forward, backward and step: with few samples it is the calls that cost, not the arithmetic."""
    return 2e-4 + 1.1e-4 * settings.depth + 3 * _arithmetic(settings, samples, replicas)


def _arithmetic(settings: NetworkSettings, samples: int, replicas: int) -> float:
    weights = settings.width * (FEATURES + CLASSES + (settings.depth - 1) * settings.width)
    per_sample = 4e-8 + 2.5e-11 * weights + 1e-9 * settings.depth * settings.width
    return replicas * (4e-10 * weights + samples * per_sample)


def check_seconds(seconds: float, reduce: tuple[str, ...]) -> None:
    """Raise CostError where `seconds` is more than an instant lab may take."""
    check_cost(seconds, SECONDS, reduce)
