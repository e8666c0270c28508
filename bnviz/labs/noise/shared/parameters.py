"""Parameters that only the lab `noise` has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import Count, Number, Parameter, spaced

SampleValue = Annotated[
    Number,
    Field(ge=-3, le=3),
    Parameter(
        N_("The sample's value (z)"),
        N_("What the fixed sample really is: its distance from the population's mean in standard deviations."),
        "σ",
        spaced(-3, 3, 0.25),
    ),
]
Draws = Annotated[
    Count,
    Field(ge=100, le=20_000),
    Parameter(
        N_("Draws"),
        N_("How often the fixed sample is put into a new batch with other random batch-mates."),
        N_("batches"),
        (100, 200, 500, 1000, 2000, 4000, 10_000, 20_000),
    ),
]
SourceName = Literal["gaussian", "digits", "digits_relu"]
Source = Annotated[
    SourceName,
    Parameter(
        N_("Batch-mates"),
        N_(
            "Gaussian: normal values, for which the law is exact. Digits: one output of a fixed nn.Linear on real digits, as it "
            "is or after ReLU; for these the law is an approximation."
        ),
        names={"gaussian": N_("Gaussian"), "digits": N_("digits"), "digits_relu": N_("digits, ReLU")},
    ),
]
DropoutRate = Annotated[
    Number,
    Field(ge=0, le=0.95),
    Parameter(
        N_("Dropout rate (p)"),
        N_("Share of values that nn.Dropout sets to 0 in training; the rest is divided by 1 − p."),
        "",
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    ),
]
OrderName = Literal["none", "dropout_before_norm", "dropout_after_norm"]
Order = Annotated[
    OrderName,
    Parameter(
        N_("Dropout's place"),
        N_("Before: before every batch norm. After: once, after the last batch norm, so that none sees it."),
        names={
            "none": N_("none"),
            "dropout_before_norm": N_("before"),
            "dropout_after_norm": N_("after"),
        },
    ),
]
TrainSize = Annotated[
    Count,
    Field(ge=50, le=1347),
    Parameter(
        N_("Training images"),
        N_("How many of the 1347 training images are used. Is there more for a regularizer to do when they are few?"),
        N_("images"),
        (50, 100, 200, 300, 400, 600, 900, 1347),
    ),
]
