"""Settings of the topic `boundaries` of the lab `training`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.training.shared import settings as shared
from bnviz.labs.training.shared.settings import (
    Activation,
    BatchSize,
    Depth,
    Epochs,
    Init,
    Rate,
    Source,
    Variants,
    Width,
)


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "boundaries"

    source: Source = "spirals"
    normalizers: Variants = ("none", "batch")
    activation: Activation = "relu"
    init: Init = "torch"
    width: Width = 32
    depth: Depth = 4
    learning_rate: Rate = 0.1
    batch_size: BatchSize = 32
    epochs: Epochs = 100
