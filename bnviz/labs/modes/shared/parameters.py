"""Parameters that several topics of the lab `modes` have; what one topic alone has is declared in its own settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import Count, Parameter

Steps = Annotated[
    Count,
    Field(ge=1, le=1000),
    Parameter(
        N_("Training steps"),
        N_("Optimizer steps, each on one batch."),
        N_("steps"),
        (1, 2, 5, 10, 20, 50, 84, 100, 150, 200, 300, 500, 1000),
    ),
]
Passes = Annotated[
    Count,
    Field(ge=1, le=128),
    Parameter(
        N_("Recalibration batches"),
        N_(
            "After training: reset the running statistics and refill them with the plain average over so many forward "
            "passes, k, the weights left alone."
        ),
        N_("batches"),
        (1, 2, 4, 8, 16, 32, 64, 128),
    ),
]
