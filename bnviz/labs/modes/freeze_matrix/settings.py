"""Settings of the topic `freeze_matrix` of the lab `modes`."""

from __future__ import annotations

from typing import Annotated, Literal

from bnviz.i18n import N_
from bnviz.labs.modes.shared.parameters import Steps
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import Parameter

FrozenName = Literal["body", "norms"]

Frozen = Annotated[
    FrozenName,
    Parameter(
        N_("What gets requires_grad=False"),
        N_("The whole body before the last layer, or its batch norms only. eval() goes to the batch norms either way."),
        names={"body": N_("body"), "norms": N_("batch norms")},
    ),
]


class Settings(NetworkSettings, offered={"depth": (1, 15), "width": (8, 384), "steps": (1, 100)}):
    """What the topic opens with."""

    steps: Steps = 20
    frozen: Frozen = "body"
