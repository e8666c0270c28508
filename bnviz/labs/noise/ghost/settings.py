"""Settings of the topic `ghost` of the lab `noise`."""

from __future__ import annotations

from bnviz.labs.noise.shared.parameters import TrainSize
from bnviz.labs.noise.shared.settings import TrainingSettings
from bnviz.settings import Epochs, LearningRate, Seeds


class Settings(TrainingSettings, offered={"batch_size": (4, 1024), "depth": (1, 25)}):
    """What the topic opens with."""

    learning_rate: LearningRate = 0.1
    epochs: Epochs = 100
    train_size: TrainSize = 200
    seeds: Seeds = 16
