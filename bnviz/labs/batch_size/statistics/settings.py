"""Settings of the topic `statistics` of the lab `batch_size`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bnviz.i18n import N_
from bnviz.labs.batch_size.shared.parameters import BatchSizes, Sampling
from bnviz.settings import BatchSize, Count, LabSettings, Parameter, Seed

HiddenLayer = Annotated[
    Count,
    Field(ge=1, le=2),
    Parameter(
        N_("Hidden layer"),
        N_(
            "Whose batch norm is looked at. In the CNN the first sees 8×8 values per image and channel, the second 4×4."
        ),
        "",
        (1, 2),
    ),
]


class Settings(LabSettings):
    """What the topic opens with. `batch_size` is looked at closely, beside the curves over `batch_sizes`."""

    batch_size: BatchSize = 2
    batch_sizes: BatchSizes = (2, 4, 8, 16, 32, 64)
    sampling: Sampling = "iid"
    hidden_layer: HiddenLayer = 1
    seed: Seed = 0
