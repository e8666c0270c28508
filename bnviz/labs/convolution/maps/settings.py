"""Settings of the topic `maps` of the lab `convolution`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bnviz.labs.convolution.shared.parameters import Channel, Channels, Groups, Normalizer
from bnviz.labs.convolution.shared.settings import ImageSettings, check_channel, check_groups
from bnviz.settings import Beta, Eps, Gamma


class Settings(ImageSettings):
    """What the topic opens with. `channel` must be below `channels`; `groups` must divide them where `normalizer` is `group`.

    `gamma` and `beta` belong to `channel`; every other channel keeps 1 and 0.
    """

    normalizer: Normalizer = "batch"
    channels: Channels = 4
    groups: Groups = 2
    channel: Channel = 0
    gamma: Gamma = 1.0
    beta: Beta = 0.0
    eps: Eps = 1e-5

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_channel(self.channel, self.channels)
        check_groups(self.normalizer, self.channels, self.groups)
        return self
