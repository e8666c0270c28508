"""Settings of the topic `poison` of the lab `modes`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.labs.modes.shared.parameters import Passes, Steps
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import Count, Parameter

PoisonName = Literal["nan", "inf", "huge", "large"]

Poison = Annotated[
    PoisonName,
    Parameter(
        N_("Poison"),
        N_(
            "What one pixel of one image is set to, in one batch: not a number, infinity, 10²⁵ (finite, but its square is "
            "not), or 10⁴."
        ),
        names={"nan": "NaN", "inf": "Inf", "huge": "10²⁵", "large": "10⁴"},
    ),
]
PoisonAt = Annotated[
    Count,
    Field(ge=1, le=1000),
    Parameter(
        N_("Poisoned batch"),
        N_("Number of the poisoned batch; past the end of the run there is none."),
        "",
        (1, 2, 5, 10, 20, 30, 50, 100, 200, 500, 1000),
    ),
]
SkipBadSteps = Annotated[
    bool,
    Parameter(
        N_("Skip steps with a bad loss"),
        N_("No backward pass and no optimizer step where the loss is not finite, as many training loops do."),
    ),
]


class Settings(NetworkSettings, offered={"depth": (1, 12), "width": (8, 256), "steps": (1, 500)}):
    """What the topic opens with."""

    steps: Steps = 60
    poison: Poison = "nan"
    poison_at: PoisonAt = 30
    skip_bad_steps: SkipBadSteps = True
    passes: Passes = 16
