"""Settings of the lab `layer`: the shared ones, and those that only this lab has."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from bnviz.core.batch_norm import LayerName
from bnviz.errors import SettingError
from bnviz.i18n import N_
from bnviz.settings import (
    Activation,
    Affine,
    BatchSize,
    Beta,
    Count,
    Eps,
    Gamma,
    LabSettings,
    Mode,
    Momentum,
    Number,
    Parameter,
    Seed,
    TrackRunningStats,
    spaced,
    whole_number,
)

Source = Annotated[
    Literal["digits", "gaussian", "skewed", "bimodal", "uniform", "upload"],
    Parameter(
        N_("What goes in"),
        N_(
            "Real handwritten digits, a synthetic feature with mean 0 and standard deviation 1, "
            "or your own table. It passes the layer first, then batch norm."
        ),
        names={
            "digits": N_("digits"),
            "gaussian": N_("Gaussian"),
            "skewed": N_("skewed (exponential)"),
            "bimodal": N_("two peaks"),
            "uniform": N_("uniform"),
            "upload": N_("your own data"),
        },
    ),
]
Layer = Annotated[
    LayerName,
    Parameter(
        N_("Layer before it"),
        N_("nn.Linear, or nn.Conv2d (3×3) on images: then every pixel of a channel shares one mean and variance."),
        names={"linear": "Linear", "conv": "Conv2d"},
    ),
]
Channels = Annotated[
    Count,
    Field(ge=1, le=64),
    Parameter(
        N_("Channels"),
        N_("Outputs of the layer, C. Each has a mean and variance of its own."),
        "",
        (1, 2, 4, 8, 16, 32, 64),
    ),
]
InputShift = Annotated[
    Number,
    Field(ge=-10, le=10),
    Parameter(N_("Input shift"), N_("Added to everything that enters batch norm."), "", spaced(-10, 10, 0.5)),
]
InputScale = Annotated[
    Number,
    Field(ge=0.01, le=100),
    Parameter(
        N_("Input scale"),
        N_("Multiplies everything that enters batch norm, as larger weights in the layer would."),
        "",
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
    ),
]
Drift = Annotated[
    Number,
    Field(ge=-1, le=1),
    Parameter(
        N_("Drift per batch"),
        N_("The input moves by this much from one shown batch to the next, as it does while earlier layers learn."),
        "",
        (-1.0, -0.5, -0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    ),
]
WarmUp = Annotated[
    Count,
    Field(ge=0, le=500),
    Parameter(
        N_("Warm-up batches"),
        N_("Batches that the layer has seen in training mode before the first one shown."),
        N_("batches"),
        (0, 1, 2, 5, 10, 20, 50, 100, 200, 500),
    ),
]
Steps = Annotated[
    Count,
    Field(ge=1, le=500),
    Parameter(
        N_("Batches shown"), N_("Length of the run, T."), N_("batches"), (1, 2, 5, 10, 20, 40, 60, 100, 200, 500)
    ),
]
Channel = Annotated[
    Count,
    Field(ge=0, le=63),
    Parameter(N_("Channel looked at"), N_("Counted from 0."), "", tuple(range(64))),
]

SharedAxis = Annotated[
    bool,
    Parameter(
        N_("One axis"),
        N_(
            "The histograms before and after share one horizontal axis, as long as x̂ fills a tenth of it. "
            "Without it each has the axis that fits it."
        ),
    ),
]

SMALL_EPS: Final = 0.01  # of the variance: from there on the closed law of x̂, which has ε → 0, is not drawn


class Settings(LabSettings):
    """Settings of the lab. `channel` must be below `channels`; `gamma` and `beta` act where `affine`."""

    source: Source = "digits"
    layer: Layer = "linear"
    channels: Channels = 8
    batch_size: BatchSize = 32
    momentum: Momentum = 0.1
    eps: Eps = 1e-5
    affine: Affine = True
    gamma: Gamma = 1.0
    beta: Beta = 0.0
    track_running_stats: TrackRunningStats = True
    mode: Mode = "train"
    activation: Activation = "relu"
    input_shift: InputShift = 0.0
    input_scale: InputScale = 1.0
    drift: Drift = 0.0
    warmup: WarmUp = 0
    steps: Steps = 60
    channel: Channel = 0
    shared_axis: SharedAxis = True
    seed: Seed = 25  # one at which channel 0 is neither narrow nor around 0, whatever goes in: both of batch norm's steps are seen

    @model_validator(mode="after")
    def _channel_exists(self) -> Self:
        if self.channel >= self.channels:
            raise SettingError("channel", whole_number(0, self.channels - 1), self.channel)
        return self

    @property
    def statistics_source(self) -> Literal["batch", "running"]:
        """Whose mean and variance normalize the shown batches."""
        return "running" if self.mode == "eval" and self.track_running_stats else "batch"

    @property
    def rescales(self) -> bool:
        """Whether γ and β change anything."""
        return self.affine and (self.gamma, self.beta) != (1.0, 0.0)
