"""Settings of the topic `sweep` of the lab `training`."""

from __future__ import annotations

from bnviz.labs.training.shared.parameters import Init, Noise, Optimizer, Rates, Samples, Source, Variants
from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.settings import Activation, BatchSize, Depth, Epochs, Seed, Seeds, Width


class Settings(TrainingSettings, offered={"depth": (1, 30), "width": (8, 384), "batch_size": (2, 1024)}):
    """What the topic opens with."""

    source: Source = "digits"
    samples: Samples = 200
    noise: Noise = 0.1
    normalizers: Variants = ("none", "batch", "layer", "group")
    activation: Activation = "relu"
    init: Init = "he"
    depth: Depth = 3
    width: Width = 100
    optimizer: Optimizer = "sgd"
    learning_rates: Rates = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    batch_size: BatchSize = 64
    epochs: Epochs = 8
    seeds: Seeds = 5
    seed: Seed = 0
