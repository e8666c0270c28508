"""What the settings of the two topics of the lab `noise` that train have in common."""

from __future__ import annotations

from typing import Protocol

from bnviz.labs.noise.shared.parameters import TrainSize
from bnviz.settings import BatchSize, Depth, Epochs, LabSettings, LearningRate, Seed, Seeds, Width


class DropoutNetwork(Protocol):
    """What a network with Dropout is made of."""

    @property
    def depth(self) -> int:
        """Hidden layers."""

    @property
    def width(self) -> int:
        """Units per hidden layer."""

    @property
    def dropout(self) -> float:
        """Share of values that Dropout sets to 0."""


class TrainingSettings(LabSettings):
    """Perceptrons on few digits; replicas take the seeds `seed`, `seed` + 1 and so on."""

    batch_size: BatchSize = 64
    depth: Depth = 3
    width: Width = 128
    learning_rate: LearningRate = 0.2
    epochs: Epochs = 30
    train_size: TrainSize = 600
    seeds: Seeds = 10
    seed: Seed = 0
