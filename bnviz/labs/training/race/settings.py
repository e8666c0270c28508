"""Settings of the topic `race` of the lab `training`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bnviz.errors import SettingError
from bnviz.labs.training.shared.parameters import Init, Noise, Optimizer, Rate, Samples, Source, Unit, Variants
from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.settings import Activation, BatchSize, Depth, Epochs, Seed, Seeds, Width, whole_number


class Settings(TrainingSettings, offered={"depth": (1, 25), "width": (8, 384), "batch_size": (3, 1024)}):
    """What the topic opens with."""

    source: Source = "digits"
    samples: Samples = 200
    noise: Noise = 0.1
    normalizers: Variants = ("none", "batch", "layer", "group")
    activation: Activation = "sigmoid"
    init: Init = "normal"
    depth: Depth = 3
    width: Width = 100
    optimizer: Optimizer = "sgd"
    learning_rate: Rate = 0.5
    batch_size: BatchSize = 60
    epochs: Epochs = 60
    seeds: Seeds = 6
    unit: Unit = 0
    seed: Seed = 0

    @model_validator(mode="after")
    def _unit_exists(self) -> Self:
        if self.unit >= self.width:
            raise SettingError("unit", whole_number(0, self.width - 1), self.unit)
        return self
