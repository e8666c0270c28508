"""What is looked at: a recurrent layer after a little training, and what P batches bring to its gates.

Index letters: T time steps, P batches, m samples per batch, G gate inputs, N training images.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from bnviz.core.arrays import Arrays, arrays_of, load_arrays
from bnviz.core.recurrent import RecurrentLayer
from bnviz.core.recurrent_networks import BATCH, build_recurrent
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, training
from bnviz.errors import BatchOfOneError
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.steps.experiment.modules import terms
from bnviz.labs.recurrence.steps.settings import Settings

PASSES: Final = 100  # so that a momentum of 0.1 has forgotten where it started
WARMUP_BATCH: Final = 64
WITHOUT_EFFECT: Final = ("term", "batch_size", "momentum", "padding")  # on the training before the look


def trained_layer(settings: Settings, data: ReplicaData) -> RecurrentLayer:
    """The recurrent layer that is looked at, plain, in training mode, after its training. Its running statistics mean nothing."""
    layer = _layer_of(build_recurrent(plan_of(settings, settings.normalizer, settings.momentum), data.seeds))
    if settings.warmup:
        load_arrays(layer, _trained(settings.with_defaults(*WITHOUT_EFFECT)))
    return layer


@lru_cache(maxsize=32)
def _trained(settings: Settings) -> Arrays:
    """State of the layer after `settings.warmup` steps: most sliders of the topic leave it as it is."""
    data = digits_data((settings.seed,))
    network = build_recurrent(plan_of(settings, settings.normalizer, settings.momentum), data.seeds)
    plan = TrainingPlan(settings.warmup, WARMUP_BATCH, (), learning_rate=settings.learning_rate, optimizer="adam")
    list(training(network, data, plan))  # nothing is recorded on the way
    return arrays_of(_layer_of(network))


def _layer_of(network: Replicas) -> RecurrentLayer:
    layer = network.train().replica(0)[0]
    assert isinstance(layer, RecurrentLayer)
    return layer


def rows_of_batches(settings: Settings, data: ReplicaData) -> Tensor:
    """Which of the training images are in each of the batches, (P, m)."""
    order = torch.empty(len(data.labels), dtype=torch.long)
    order[data.train[0]] = torch.arange(data.train.shape[1])
    return order[batch_indices(data, settings.batch_size, PASSES)[:, 0]]


def terms_of_batches(
    settings: Settings, layer: RecurrentLayer, data: ReplicaData, population: Tensor, rows: Tensor
) -> Iterator[Tensor]:
    """The term of each batch, (T, m, G), one after the other, so that no more than one is in memory.

    Of samples that do not depend on their batch mates it is part of the `population` (T, N, G), which has been sent already.
    """
    if is_independent(settings):
        return (population.index_select(1, batch) for batch in rows)
    return (_terms(layer, data.samples(data.train[0, batch])[0])[settings.term] for batch in rows)


def _terms(layer: RecurrentLayer, sequences: Tensor) -> dict[str, Tensor]:
    """Raises: BatchOfOneError where a normalizer of the layer refuses the batch."""
    try:
        return terms(layer, sequences)
    except ValueError as error:
        raise BatchOfOneError(error) from error


def is_independent(settings: Settings) -> bool:
    """Whether a sample's term depends on nothing but the sample."""
    return settings.term == "input" or settings.normalizer not in BATCH
