"""Settings of the topic `sweep` of the lab `training`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.training.shared import settings as shared
from bnviz.labs.training.shared.settings import Activation, BatchSize, Epochs, Init, Seeds


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "sweep"

    activation: Activation = "relu"
    init: Init = "he"
    batch_size: BatchSize = 64
    epochs: Epochs = 8
    seeds: Seeds = 5
