"""Settings of the topic `update_count` of the lab `modes`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bnviz.i18n import N_
from bnviz.labs.modes.shared.parameters import Steps
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import Count, Parameter

Accumulation = Annotated[
    Count,
    Field(ge=1, le=32),
    Parameter(
        N_("Accumulated batches"),
        N_("Gradient accumulation: forward and backward passes before one optimizer step, k."),
        N_("batches"),
        (1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
    ),
]


class Settings(NetworkSettings, offered={"depth": (1, 15), "width": (8, 384), "steps": (1, 50)}):
    """What the topic opens with."""

    steps: Steps = 20
    accumulation: Accumulation = 4
