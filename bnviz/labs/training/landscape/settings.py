"""Settings of the topic `landscape` of the lab `training`."""

from __future__ import annotations

from bnviz.labs.training.shared.parameters import Init, Noise, Optimizer, Rate, Reach, Samples, Source, Variants
from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.settings import Activation, BatchSize, Depth, Epochs, Seed, Seeds, Width


class Settings(TrainingSettings):
    """What the topic opens with."""

    source: Source = "digits"
    samples: Samples = 200
    noise: Noise = 0.1
    normalizers: Variants = ("none", "batch")
    activation: Activation = "relu"
    init: Init = "he"
    depth: Depth = 3
    width: Width = 100
    optimizer: Optimizer = "sgd"
    learning_rate: Rate = 0.1
    batch_size: BatchSize = 64
    epochs: Epochs = 10
    seeds: Seeds = 6
    reach: Reach = 4.0
    seed: Seed = 0
