"""What the settings of every topic of the lab `modes` have: one perceptron and how it is trained."""

from __future__ import annotations

from bnviz.settings import BatchSize, Depth, LabSettings, LearningRate, Momentum, Seed, Width


class NetworkSettings(LabSettings):
    """A perceptron on digits, batch norm after each of its `depth` hidden layers, trained with plain SGD."""

    batch_size: BatchSize = 32
    momentum: Momentum = 0.1
    learning_rate: LearningRate = 0.1
    depth: Depth = 3
    width: Width = 64
    seed: Seed = 0
