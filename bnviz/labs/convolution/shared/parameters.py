"""Parameters that several topics of the lab `convolution` have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from bnviz.core.feature_maps import MAX_CHANNELS, KernelName
from bnviz.i18n import N_
from bnviz.settings import NORMALIZERS, Count, Parameter

SMALL: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8)

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
    Field(ge=1, le=MAX_CHANNELS),
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
    Field(ge=1, le=MAX_CHANNELS),
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
        N_("The 3×3 kernels of the nn.Conv2d before it: edge detectors, blurs, random ones, or some of each."),
        names={"mixed": N_("some of each"), "edge": N_("edges"), "blur": N_("blurs"), "random": N_("random")},
    ),
]
Channel = Annotated[
    Count,
    Field(ge=0, le=MAX_CHANNELS - 1),
    Parameter(N_("Channel looked at"), N_("Counted from 0."), "", tuple(range(MAX_CHANNELS))),
]

SETS: Final[Mapping[SharingName, str]] = {
    "batch": N_("its channel c, in all images"),
    "layer": N_("its image n, all channels"),
    "instance": N_("its channel c in its image n"),
    "group": N_("its group of channels in its image n"),
}
"""With which numbers a number shares its mean."""
