"""Settings of the topic `backward` of the lab `modes`."""

from __future__ import annotations

from bnviz.labs.modes.shared.parameters import Steps
from bnviz.labs.modes.shared.settings import NetworkSettings


class Settings(NetworkSettings):
    """What the topic opens with."""

    steps: Steps = 100
