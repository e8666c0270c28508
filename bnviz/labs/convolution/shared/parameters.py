"""Settings of the lab `convolution`: the shared ones, and those that only this lab has."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from bnviz.core.feature_maps import MOST_CHANNELS, KernelName
from bnviz.errors import Phrase, SettingError
from bnviz.i18n import N_
from bnviz.settings import NORMALIZERS, Beta, Count, Eps, Gamma, LabSettings, Parameter, Seed

SMALL: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8)

Topic = Annotated[
    Literal["sharing", "maps", "effective"],
    Parameter(
        N_("Topic"),
        N_(
            "Which numbers share a mean, what that does to feature maps, and how many independent numbers they are worth."
        ),
        names={"sharing": N_("Shared means"), "maps": N_("Feature maps"), "effective": N_("Effective sample size")},
    ),
]
SharingName = Literal["batch", "layer", "instance", "group"]
Normalizer = Annotated[
    SharingName,
    Parameter(
        N_("Normalizer"),
        N_("Which values share one mean and variance."),
        names={name: NORMALIZERS[name] for name in ("batch", "layer", "instance", "group")},
    ),
]
# Every sample is drawn, so there are few of them.
Samples = Annotated[
    Count,
    Field(ge=1, le=16),
    Parameter(N_("Batch size"), N_("Samples per batch, N."), N_("samples"), (1, 2, 3, 4, 6, 8, 12, 16)),
]
Channels = Annotated[
    Count,
    Field(ge=1, le=MOST_CHANNELS),
    Parameter(N_("Channels"), N_("Kernels of the convolution, C. Each makes one feature map per image."), "", SMALL),
]
Height = Annotated[
    Count,
    Field(ge=1, le=8),
    Parameter(N_("Map height"), N_("Rows of a feature map, H, after nn.AdaptiveAvgPool2d."), N_("pixels"), SMALL),
]
Width = Annotated[
    Count,
    Field(ge=1, le=8),
    Parameter(N_("Map width"), N_("Columns of a feature map, W, after nn.AdaptiveAvgPool2d."), N_("pixels"), SMALL),
]
Groups = Annotated[
    Count,
    Field(ge=1, le=MOST_CHANNELS),
    Parameter(N_("Groups"), N_("Groups of channels of group norm, G; it must divide the channels."), "", SMALL),
]
Source = Annotated[
    Literal["digits", "photos", "upload"],
    Parameter(
        N_("Images"),
        N_(
            "Handwritten digits, two photographs, or your own image. Batches hold digits, or 8×8 tiles of the photographs."
        ),
        names={"digits": N_("digits"), "photos": N_("photographs"), "upload": N_("your own data")},
    ),
]
Kernels = Annotated[
    KernelName,
    Parameter(
        N_("Kernels"),
        N_("The 3×3 kernels of the nn.Conv2d in front: edge detectors, blurs, random ones, or some of each."),
        names={"mixed": N_("some of each"), "edge": N_("edges"), "blur": N_("blurs"), "random": N_("random")},
    ),
]
Channel = Annotated[
    Count,
    Field(ge=0, le=MOST_CHANNELS - 1),
    Parameter(N_("Channel looked at"), N_("Counted from 0."), "", tuple(range(MOST_CHANNELS))),
]


class Settings(LabSettings):
    """Settings of the lab: one tensor (N, C, H, W) = (`batch_size`, `channels`, `height`, `width`) in all topics.

    `channel` must be below `channels`; `groups` must divide `channels` where `normalizer` is `group`. `gamma` and `beta`
    belong to `channel`; every other channel keeps 1 and 0.
    """

    topic: ClassVar[str] = "sharing"

    normalizer: Normalizer = "batch"
    batch_size: Samples = 4
    channels: Channels = 8
    height: Height = 4
    width: Width = 4
    groups: Groups = 4
    source: Source = "photos"
    kernels: Kernels = "mixed"
    channel: Channel = 0
    gamma: Gamma = 1.0
    beta: Beta = 0.0
    eps: Eps = 1e-5
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.channel >= self.channels:
            raise SettingError("channel", Phrase(N_("in [0, {last}]"), {"last": self.channels - 1}), self.channel)
        if self.normalizer == "group" and self.channels % self.groups:
            allowed = Phrase(N_("a divisor of the {channels} channels"), {"channels": self.channels})
            raise SettingError("groups", allowed, self.groups)
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return self.batch_size, self.channels, self.height, self.width
