"""Settings of the lab `running_stats`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bnviz.i18n import N_
from bnviz.settings import (
    CUMULATIVE,
    MOMENTUMS,
    BatchSize,
    Count,
    Eps,
    LabSettings,
    Momentum,
    MomentumValue,
    Number,
    Parameter,
    Seed,
    comma_separated,
    spaced,
)

Compare = Annotated[
    Annotated[Annotated[Number, Field(gt=0, le=1)] | Literal["cumulative", "none"], Field(union_mode="left_to_right")],
    Parameter(
        N_("Compared with"),
        N_("A second layer with this momentum sees the same batches. “none” shows one layer alone."),
        "",
        (*MOMENTUMS, "none"),
        {**CUMULATIVE, "none": N_("none")},
    ),
]
Momentums = Annotated[
    tuple[MomentumValue, ...],
    BeforeValidator(comma_separated),
    Field(max_length=6),
    Parameter(
        N_("Several momentums at once"),
        N_("Up to six values, in place of the two sliders; “cumulative” is PyTorch's None."),
        "",
        MOMENTUMS,
        CUMULATIVE,
    ),
]

Steps = Annotated[
    Count,
    Field(ge=1, le=2000),
    Parameter(
        N_("Batches"),
        N_("Length of the run, T: forward passes in training mode."),
        N_("batches"),
        (1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000),
    ),
]
Replicas = Annotated[
    Count,
    Field(ge=1, le=200),
    Parameter(
        N_("Replicas"),
        N_("Independent runs over other batches of the same data. Their scatter is the noise."),
        N_("replicas"),
        (1, 2, 5, 10, 20, 50, 100, 150, 200),
    ),
]
Source = Annotated[
    Literal["digits", "gaussian"],
    Parameter(
        N_("Source"),
        N_("Digits: one output of a fixed nn.Linear on real digits. Gaussian: a normal feature of known mean and s.d."),
        names={"digits": N_("digits"), "gaussian": N_("Gaussian")},
    ),
]
Mean = Annotated[
    Number,
    Field(ge=-10, le=10),
    Parameter(N_("Mean (μ)"), N_("Population mean of the Gaussian feature."), "", spaced(-10, 10, 0.5)),
]
Std = Annotated[
    Number,
    Field(ge=0.01, le=10),
    Parameter(
        N_("Standard deviation (σ)"),
        N_("Population standard deviation of the Gaussian feature."),
        "",
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
    ),
]
Disturbance = Annotated[
    Literal["none", "jump", "ramp"],
    Parameter(
        N_("Disturbance"),
        N_("How the feature's mean moves during the run. Jump: at once. Ramp: evenly until the end."),
        names={"none": N_("none"), "jump": N_("jump"), "ramp": N_("ramp")},
    ),
]
DisturbanceAt = Annotated[
    Count,
    Field(ge=0, le=2000),
    Parameter(
        N_("Disturbance after"),
        N_("Batches before the mean moves. At or beyond the end of the run nothing moves."),
        N_("batches"),
        (0, 1, 5, 10, 20, 50, 75, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000),
    ),
]
DisturbanceSize = Annotated[
    Number,
    Field(ge=-10, le=10),
    Parameter(
        N_("Disturbance size"),
        N_("How far the mean has moved by the end, in standard deviations of the feature."),
        "σ",
        spaced(-10, 10, 0.5),
    ),
]


class Settings(LabSettings):
    """`mean` and `std` act on `gaussian` only, the disturbance's time and size only where there is one.

    `momentums`, where there are any, take the place of `momentum` and `compare`.
    """

    momentum: Momentum = 0.1
    compare: Compare = 0.01
    momentums: Momentums = ()
    batch_size: BatchSize = 32
    steps: Steps = 200
    replicas: Replicas = 50
    source: Source = "digits"
    mean: Mean = 3.0
    std: Std = 2.0
    disturbance: Disturbance = "none"
    disturbance_at: DisturbanceAt = 100
    disturbance_size: DisturbanceSize = 2.0
    eps: Eps = 1e-5
    seed: Seed = 0

    @property
    def compared(self) -> tuple[MomentumValue, ...]:
        """The momentums of the run, each once."""
        both = (self.momentum,) if self.compare == "none" else (self.momentum, self.compare)
        return tuple(dict.fromkeys(self.momentums or both))
