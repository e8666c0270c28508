"""What the settings of every topic of the lab `convolution` have: images, and the convolution that makes feature maps of them."""

from __future__ import annotations

from bnviz.errors import Phrase, SettingError
from bnviz.i18n import N_
from bnviz.labs.convolution.shared.parameters import Channels, Kernels, Samples, SharingName, Source
from bnviz.settings import LabSettings, Seed, whole_number


class ImageSettings(LabSettings):
    """Batches of `batch_size` images of `source`, and `channels` fixed kernels."""

    batch_size: Samples = 4
    channels: Channels = 8
    source: Source = "photos"
    kernels: Kernels = "mixed"
    seed: Seed = 0


def check_channel(channel: int, channels: int) -> None:
    """Raises: SettingError where there is no such channel."""
    if channel >= channels:
        raise SettingError("channel", whole_number(0, channels - 1), channel)


def check_groups(normalizer: SharingName, channels: int, groups: int) -> None:
    """Raises: SettingError where group norm is chosen and cannot deal the channels out."""
    if normalizer == "group" and channels % groups:
        raise SettingError("groups", Phrase(N_("a divisor of the {channels} channels"), {"channels": channels}), groups)
