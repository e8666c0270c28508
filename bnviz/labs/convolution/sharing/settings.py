"""Settings of the topic `sharing` of the lab `convolution`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bnviz.labs.convolution.shared.parameters import Groups, Height, Normalizer, Width
from bnviz.labs.convolution.shared.settings import ImageSettings, check_groups
from bnviz.settings import Eps


class Settings(ImageSettings):
    """What the topic opens with: a tensor (N, C, H, W) = (`batch_size`, `channels`, `height`, `width`).

    `groups` must divide `channels` where `normalizer` is `group`.
    """

    normalizer: Normalizer = "batch"
    height: Height = 4
    width: Width = 4
    groups: Groups = 4
    eps: Eps = 1e-5

    @model_validator(mode="after")
    def _groups_divide_the_channels(self) -> Self:
        check_groups(self.normalizer, self.channels, self.groups)
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return self.batch_size, self.channels, self.height, self.width
