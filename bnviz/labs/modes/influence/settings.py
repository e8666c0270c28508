"""Settings of the topic `influence` of the lab `modes`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bnviz.i18n import N_
from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.settings import BatchSize, Count, Groups, Mode, Parameter

Sample = Annotated[
    Count,
    Field(ge=1, le=64),
    Parameter(
        N_("Changed sample"),
        N_("Which sample of the batch is replaced by another image; past the end of the batch it is the last one."),
        "",
        (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 64),
    ),
]


class Settings(NetworkSettings, offered={"batch_size": (1, 64), "depth": (1, 30)}):
    """What the topic opens with."""

    batch_size: BatchSize = 8
    mode: Mode = "train"
    sample: Sample = 1
    groups: Groups = 8
