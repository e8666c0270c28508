"""The PyTorch work of the labs' default settings written straight: same modules, batches and passes, nothing looked at.

Each function draws the batches beforehand and returns the work itself, which may be done any number of times.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bnviz.core.datasets import batches, digits
from bnviz.labs import gradient_flow, layer, running_stats
from bnviz.labs.running_stats.experiment.data import make_batches, make_population, mean_shift

Work = Callable[[], None]
CLASSES = 10


def layer_work() -> Work:
    """Linear → BatchNorm1d → ReLU over batches of digits."""
    settings = layer.Settings()
    images = digits()[0].flatten(1)
    order = batches(len(images), settings.batch_size, settings.steps, torch.Generator().manual_seed(settings.seed))

    def work() -> None:
        network = nn.Sequential(
            nn.Linear(images.shape[1], settings.channels),
            nn.BatchNorm1d(settings.channels, settings.eps, _momentum(settings.momentum)),
            nn.ReLU(),
        )
        with torch.inference_mode():
            for index in order:
                network(images[index])

    return work


def running_stats_work() -> Work:
    """One BatchNorm1d per momentum over batches of one feature, replicas as channels."""
    settings = running_stats.Settings()
    population = make_population(settings)
    stream = make_batches(settings, population, mean_shift(settings, population.var**0.5)[0])

    def work() -> None:
        with torch.inference_mode():
            for momentum in settings.compared:
                norm = nn.BatchNorm1d(settings.replicas, settings.eps, _momentum(momentum), affine=False)
                for batch in stream:
                    norm(batch)

    return work


def gradient_flow_work() -> Work:
    """The same network without and with BatchNorm1d, trained by plain SGD; the last batch is not stepped on."""
    settings = gradient_flow.Settings()
    images, labels = digits()
    features = images.flatten(1)
    generator = torch.Generator().manual_seed(settings.seed)
    order = batches(len(features), settings.batch_size, settings.steps + 1, generator)

    def work() -> None:
        for normalized in (False, True):
            network = _perceptron(settings, features.shape[1], normalized)
            optimizer = torch.optim.SGD(network.parameters(), settings.learning_rate)
            for step, index in enumerate(order, start=1):
                optimizer.zero_grad()
                cross_entropy(network(features[index]), labels[index]).backward()  # type: ignore[no-untyped-call]
                if step < len(order):
                    optimizer.step()

    return work


def _perceptron(settings: gradient_flow.Settings, inputs: int, normalized: bool) -> nn.Sequential:
    modules: list[nn.Module] = []
    for _ in range(settings.depth):
        modules.append(nn.Linear(inputs, settings.width, bias=not normalized))
        if normalized:
            modules.append(nn.BatchNorm1d(settings.width, settings.eps))
        modules.append(nn.Sigmoid())
        inputs = settings.width
    return nn.Sequential(*modules, nn.Linear(inputs, CLASSES))


def _momentum(value: float | str) -> float | None:
    return None if isinstance(value, str) else value
