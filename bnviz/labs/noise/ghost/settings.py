"""Settings of the topic `ghost` of the lab `noise`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.noise.shared import settings as shared
from bnviz.labs.noise.shared.settings import BatchSize, Epochs, LearningRate, Seeds, TrainSize


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "ghost"

    batch_size: BatchSize = 64
    learning_rate: LearningRate = 0.1
    epochs: Epochs = 100
    train_size: TrainSize = 200
    seeds: Seeds = 16
