"""Settings of the topic `dropout` of the lab `noise`."""

from __future__ import annotations

from bnviz.labs.noise.shared.parameters import DropoutRate
from bnviz.labs.noise.shared.settings import TrainingSettings


class Settings(TrainingSettings, offered={"batch_size": (2, 1024), "depth": (1, 30)}):
    """What the topic opens with."""

    dropout: DropoutRate = 0.5
