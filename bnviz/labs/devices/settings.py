"""Settings of the lab `devices`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bnviz.errors import SettingError
from bnviz.i18n import N_
from bnviz.settings import Count, Eps, LabSettings, Number, Parameter, Seed, whole_number

Devices = Annotated[
    Count,
    Field(ge=1, le=16),
    Parameter(N_("Devices"), N_("Processes or GPUs that share the batch, K."), "", (1, 2, 3, 4, 6, 8, 12, 16)),
]
PerDevice = Annotated[
    Count,
    Field(ge=2, le=256),
    Parameter(
        N_("Samples per device"), N_("m; the whole batch has K·m."), N_("samples"), (2, 3, 4, 8, 16, 32, 64, 128, 256)
    ),
]
Shards = Annotated[
    Literal["iid", "sorted", "shifted"],
    Parameter(
        N_("What each device gets"),
        N_(
            "Shuffled: digits at random. Sorted: device 0 gets the smallest classes, the last one the largest. Shifted: digits at "
            "random, and what enters batch norm is moved by a device's own amount, as another camera would move it."
        ),
        names={"iid": N_("shuffled"), "sorted": N_("sorted by class"), "shifted": N_("shifted")},
    ),
]
Shift = Annotated[
    Number,
    Field(ge=0, le=5),
    Parameter(
        N_("Shift"),
        N_("Standard deviation of the devices' shifts, in standard deviations of the channel."),
        "",
        (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0),
    ),
]
Alpha = Annotated[
    Number,
    Field(gt=0, le=1),
    Parameter(
        N_("Momentum"),
        N_("Weight of the newest batch in the running statistics."),
        "",
        (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0),
    ),
]
Steps = Annotated[
    Count,
    Field(ge=1, le=200),
    Parameter(
        N_("Steps"), N_("Training steps, one batch per device each."), N_("steps"), (1, 2, 5, 10, 20, 50, 100, 200)
    ),
]
Channels = Annotated[
    Count,
    Field(ge=1, le=32),
    Parameter(N_("Channels"), N_("Outputs of the fixed linear layer before it, C."), "", (1, 2, 4, 8, 16, 32)),
]
Channel = Annotated[
    Count, Field(ge=0, le=31), Parameter(N_("Channel looked at"), N_("Counted from 0."), "", tuple(range(32)))
]


class Settings(LabSettings):
    """Settings of the lab. `channel` must be below `channels`; `shift` acts where `shards` is "shifted"."""

    devices: Devices = 4
    per_device: PerDevice = 16
    shards: Shards = "shifted"
    shift: Shift = 1.0
    momentum: Alpha = 0.1
    steps: Steps = 100
    eps: Eps = 1e-5
    channels: Channels = 8
    channel: Channel = 0
    seed: Seed = 0

    @model_validator(mode="after")
    def _channel_exists(self) -> Self:
        if self.channel >= self.channels:
            raise SettingError("channel", whole_number(0, self.channels - 1), self.channel)
        return self

    @property
    def batch(self) -> int:
        """K·m: samples of all devices together."""
        return self.devices * self.per_device
