"""Settings of the lab `folding`."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from bnviz.errors import SettingError
from bnviz.i18n import N_
from bnviz.settings import BatchSize, Count, Eps, LabSettings, Number, Parameter, Seed, whole_number

IMAGES: Final = 128  # unseen images on which the two networks are compared

Layer = Annotated[
    Literal["linear", "conv", "conv_transpose"],
    Parameter(
        N_("Layer before it"),
        N_(
            "The layer that takes batch norm over: nn.Linear on the pixels, or a 3×3 nn.Conv2d or nn.ConvTranspose2d on the maps "
            "of a first convolution."
        ),
        names={"linear": "Linear", "conv": "Conv2d", "conv_transpose": "ConvTranspose2d"},
    ),
]
Bias = Annotated[
    bool,
    Parameter(
        N_("Layer has a bias"),
        N_(
            "Batch norm makes it redundant, but many layers have one all the same, and a folding has to carry it along."
        ),
    ),
]
GammaSpread = Annotated[
    Number,
    Field(ge=0, le=2),
    Parameter(
        N_("Spread of γ"),
        N_("Standard deviation of ln γ over the channels; 0 makes every γ 1. Trained networks have γ of many sizes."),
        "",
        (0.0, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0),
    ),
]
Channels = Annotated[
    Count,
    Field(ge=1, le=16),
    Parameter(N_("Channels"), N_("Outputs of the folded layer, C."), "", (1, 2, 4, 8, 16)),
]
WarmUp = Annotated[
    Count,
    Field(ge=0, le=200),
    Parameter(
        N_("Batches seen"),
        N_(
            "Batches in training mode from which the running statistics come (momentum 0.1). 0: a fresh layer, mean 0, variance 1."
        ),
        N_("batches"),
        (0, 1, 5, 10, 20, 50, 100, 200),
    ),
]
Channel = Annotated[
    Count, Field(ge=0, le=15), Parameter(N_("Channel looked at"), N_("Counted from 0."), "", tuple(range(16)))
]


class Settings(LabSettings, offered={"batch_size": (1, 512)}):
    """Settings of the lab. `channel` must be below `channels`, and `warmup` · `batch_size` is bounded."""

    layer: Layer = "conv"
    bias: Bias = True
    eps: Eps = 1e-5
    gamma_spread: GammaSpread = 0.5
    warmup: WarmUp = 100
    batch_size: BatchSize = 32
    channels: Channels = 8
    channel: Channel = 0
    seed: Seed = 0

    @model_validator(mode="after")
    def _channel_exists(self) -> Self:
        if self.channel >= self.channels:
            raise SettingError("channel", whole_number(0, self.channels - 1), self.channel)
        return self
