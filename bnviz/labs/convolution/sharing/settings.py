"""Settings of the topic `sharing` of the lab `convolution`."""

from __future__ import annotations

from typing import ClassVar

from bnviz.labs.convolution.shared import settings as shared


class Settings(shared.Settings):
    """What the topic opens with."""

    topic: ClassVar[str] = "sharing"
