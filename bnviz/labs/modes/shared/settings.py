"""Settings of the lab `modes`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import (
    BatchSize,
    Count,
    Depth,
    Groups,
    LabSettings,
    LearningRate,
    Mode,
    Momentum,
    Parameter,
    Seed,
    Seeds,
    Width,
)

TopicName = Literal["gap", "momentum_error", "freeze_matrix", "update_count", "influence", "poison"]
FrozenName = Literal["body", "norms"]
PoisonName = Literal["nan", "inf", "huge", "large"]

Topic = Annotated[TopicName, Parameter(N_("Topic"), N_("Which question about the two modes is asked."))]
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
        N_("After training: reset the running statistics and refill them with the plain average over so many forward "
           "passes, k, the weights left alone."),
        N_("batches"),
        (1, 2, 4, 8, 16, 32, 64, 128),
    ),
]  # fmt: skip
Frozen = Annotated[
    FrozenName,
    Parameter(
        N_("What gets requires_grad=False"),
        N_(
            "The whole body in front of the last layer, or its batch norms only. eval() goes to the batch norms either way."
        ),
        names={"body": N_("body"), "norms": N_("batch norms")},
    ),
]
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
Poison = Annotated[
    PoisonName,
    Parameter(
        N_("Poison"),
        N_("What one pixel of one image is set to, in one batch: not a number, infinity, 10²⁵ (finite, but its square is "
           "not), or 10⁴."),
        names={"nan": "NaN", "inf": "Inf", "huge": "10²⁵", "large": "10⁴"},
    ),
]  # fmt: skip
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


class Settings(LabSettings):
    """Settings of the lab; `topic` chooses what is measured, and each topic takes what it needs of the rest.

    All topics: `batch_size`, `depth`, `width`, `learning_rate`, `momentum`, `seed`, and `steps` where something is trained.
    """

    topic: ClassVar[str] = "gap"

    batch_size: BatchSize = 32
    momentum: Momentum = 0.1
    steps: Steps = 100
    learning_rate: LearningRate = 0.1
    depth: Depth = 3
    width: Width = 64
    passes: Passes = 16
    frozen: Frozen = "body"
    accumulation: Accumulation = 4
    mode: Mode = "train"
    sample: Sample = 1
    groups: Groups = 8
    poison: Poison = "nan"
    poison_at: PoisonAt = 30
    skip_bad_steps: SkipBadSteps = True
    seeds: Seeds = 10
    seed: Seed = 0
