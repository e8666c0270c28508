"""Settings of the topic `effective` of the lab `convolution`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bnviz.labs.convolution.shared.parameters import Channel, Height, Width
from bnviz.labs.convolution.shared.settings import ImageSettings, check_channel


class Settings(ImageSettings):
    """What the topic opens with: feature maps (N, C, H, W) = (`batch_size`, `channels`, `height`, `width`).

    `channel` must be below `channels`.
    """

    height: Height = 4
    width: Width = 4
    channel: Channel = 0

    @model_validator(mode="after")
    def _channel_exists(self) -> Self:
        check_channel(self.channel, self.channels)
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return self.batch_size, self.channels, self.height, self.width
