"""Settings of the lab `averages`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import (
    BatchSize,
    Count,
    Depth,
    Epochs,
    LabSettings,
    LearningRate,
    Number,
    Parameter,
    Seed,
    Seeds,
    Width,
)

Average = Annotated[
    Literal["ema", "swa"],
    Parameter(
        N_("Average"),
        N_(
            "ema: after every step, the newest weights count 1 − decay. swa: after every epoch, all weights count alike."
        ),
        names={"ema": N_("EMA (exponential)"), "swa": N_("SWA (equal weights)")},
    ),
]
Decay = Annotated[
    Number,
    Field(ge=0, lt=1),
    Parameter(
        N_("Decay"),
        N_("Of the EMA: how much of the old average is kept at each step. Its memory is about 1 / (1 − decay) steps."),
        "",
        (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999),
    ),
]
Start = Annotated[
    Number,
    Field(ge=0, le=0.9),
    Parameter(
        N_("Start of averaging"),
        N_(
            "Share of the training after which averaging begins. The averaged model itself is made before the first step."
        ),
        "",
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    ),
]
RefillBatches = Annotated[
    Count,
    Field(ge=1, le=64),
    Parameter(
        N_("Refill batches"),
        N_("Training batches from which the averaged model's statistics are re-estimated."),
        N_("batches"),
        (1, 2, 4, 8, 12, 16, 21, 32, 64),
    ),
]


class Settings(LabSettings):
    """Settings of the lab. All variants of the averaged model are always compared; replicas take the seeds `seed`, `seed` + 1 and so on."""

    average: Average = "ema"
    decay: Decay = 0.99
    start: Start = 0.0
    refill_batches: RefillBatches = 21
    learning_rate: LearningRate = 0.5
    batch_size: BatchSize = 64
    epochs: Epochs = 15
    depth: Depth = 3
    width: Width = 100
    seeds: Seeds = 10
    seed: Seed = 0
