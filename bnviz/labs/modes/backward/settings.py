"""Settings of the topic `backward` of the lab `modes`."""

from __future__ import annotations

from bnviz.labs.modes.shared.parameters import Steps
from bnviz.labs.modes.shared.settings import NetworkSettings


class Settings(
    NetworkSettings, offered={"batch_size": (1, 768), "depth": (1, 12), "width": (8, 384), "steps": (1, 300)}
):
    """What the topic opens with."""

    steps: Steps = 100
