"""Settings of the topic `gap` of the lab `modes`."""

from __future__ import annotations

from bnviz.labs.modes.shared.parameters import Passes, Steps
from bnviz.labs.modes.shared.settings import NetworkSettings


class Settings(NetworkSettings, offered={"depth": (1, 12), "width": (8, 256), "steps": (1, 500)}):
    """What the topic opens with."""

    steps: Steps = 100
    passes: Passes = 16
