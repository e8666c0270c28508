"""Settings of the topic `maps` of the lab `convolution`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.convolution.shared import settings as shared
from bnviz.labs.convolution.shared.settings import Channels, Groups


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "maps"

    channels: Channels = 4
    groups: Groups = 2
