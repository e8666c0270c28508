"""Settings of the topic `landscape` of the lab `training`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.training.shared import settings as shared
from bnviz.labs.training.shared.settings import Activation, BatchSize, Epochs, Init, Rate, Variants


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "landscape"

    normalizers: Variants = ("none", "batch")
    activation: Activation = "relu"
    init: Init = "he"
    learning_rate: Rate = 0.1
    batch_size: BatchSize = 64
    epochs: Epochs = 10
