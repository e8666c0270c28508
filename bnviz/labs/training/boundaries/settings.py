"""Settings of the topic `boundaries` of the lab `training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bnviz.labs.training.shared.parameters import Init, Noise, Optimizer, Rate, Samples, Source, Variants
from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.settings import Activation, BatchSize, Depth, Epochs, Seed, Seeds, Width

HALF_WIDTHS: Final[Mapping[str, float]] = {"moons": 2.0, "circles": 1.6, "spirals": 2.0, "upload": 3.0}
"""Of the square that is looked at, for the sources that lie in a plane; the noise comes on top."""


class Settings(TrainingSettings):
    """What the topic opens with."""

    source: Source = "spirals"
    samples: Samples = 200
    noise: Noise = 0.1
    normalizers: Variants = ("none", "batch")
    activation: Activation = "relu"
    init: Init = "torch"
    depth: Depth = 4
    width: Width = 32
    optimizer: Optimizer = "sgd"
    learning_rate: Rate = 0.1
    batch_size: BatchSize = 32
    epochs: Epochs = 100
    seeds: Seeds = 6
    seed: Seed = 0
