"""Parameters that both topics of the lab `batch_size` have, and the names in them.

What one topic alone has is declared in its own settings.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bnviz.i18n import N_
from bnviz.settings import Count, Parameter, comma_separated

NetworkName = Literal["mlp", "cnn"]
SamplingName = Literal["iid", "one_class"]

NETWORKS: Final[tuple[NetworkName, ...]] = ("mlp", "cnn")
CHANNELS: Final[dict[NetworkName, int]] = {"mlp": 64, "cnn": 16}
COMPARED: Final = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256)

BatchSizes = Annotated[
    tuple[Annotated[Count, Field(ge=1, le=1024)], ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=12),
    AfterValidator(lambda values: tuple(dict.fromkeys(values))),
    Parameter(N_("Batch sizes"), N_("One to twelve to compare: samples per batch, m."), N_("samples"), COMPARED),
]
Sampling = Annotated[
    SamplingName,
    Parameter(
        N_("Batches drawn"),
        N_("iid: at random. one_class: all samples of a batch from one class, as when the data are read sorted."),
        names={"iid": N_("at random"), "one_class": N_("from one class")},
    ),
]
