"""Settings of the lab `weight_decay`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bnviz.i18n import N_
from bnviz.settings import (
    BatchSize,
    Count,
    Depth,
    LabSettings,
    Number,
    Parameter,
    Seed,
    Width,
    comma_separated,
)

LearningRates = Annotated[
    tuple[Annotated[Number, Field(ge=1e-5, le=10)], ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=4),
    Parameter(
        N_("Learning rates (η)"),
        N_("One to four; each is run with each of the weight decays."),
        "",
        (1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.004, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0),
    ),
]
WeightDecays = Annotated[
    tuple[Annotated[Number, Field(ge=1e-7, le=10)], ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=4),
    Parameter(
        N_("Weight decays (λ)"),
        N_("One to four values of PyTorch's weight_decay: it adds λ·w to the gradient of w."),
        "",
        (1e-5, 1e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
    ),
]
OptimizerChoice = Annotated[
    Literal["sgd", "adamw"],
    Parameter(
        N_("Optimizer"),
        N_(
            "sgd: torch.optim.SGD. adamw: torch.optim.AdamW, β₁ = 0.9; begin with learning rates a hundred times smaller."
        ),
        names={"sgd": "SGD", "adamw": "AdamW"},
    ),
]
SgdMomentum = Annotated[
    Number,
    Field(ge=0, le=0.99),
    Parameter(
        N_("Momentum of SGD (β)"),
        N_("SGD's, not batch norm's: how much of the last step goes into the next."),
        "",
        (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
    ),
]
BatchNorm = Annotated[
    bool,
    Parameter(N_("Batch norm"), N_("Between each hidden linear layer and its ReLU; without it the layer has a bias.")),
]
Decayed = Annotated[
    Literal["weights", "all"],
    Parameter(
        N_("What decays"),
        N_(
            "weights: those of the hidden linear layers, which batch norm follows. all: γ, β, biases and the output layer too, as "
            "PyTorch does unless told otherwise."
        ),
        names={"weights": N_("hidden weights"), "all": N_("everything")},
    ),
]
Schedule = Annotated[
    Literal["constant", "drop"],
    Parameter(
        N_("Learning rate over time"),
        N_("drop: all learning rates are divided by ten at half time."),
        names={"constant": N_("constant"), "drop": N_("÷ 10 at half time")},
    ),
]
TrainingSteps = Annotated[
    Count,
    Field(ge=20, le=20000),
    Parameter(
        N_("Training steps"),
        N_("Optimizer steps of every run."),
        N_("steps"),
        (20, 100, 200, 500, 1000, 2000, 3000, 5000, 10000, 20000),
    ),
]


class Settings(LabSettings, offered={"width": (8, 256)}):
    """Settings of the lab: every learning rate is run with every weight decay."""

    learning_rates: LearningRates = (0.1, 0.2, 0.4)
    weight_decays: WeightDecays = (0.001, 0.0025, 0.005, 0.01)
    optimizer: OptimizerChoice = "sgd"
    momentum: SgdMomentum = 0.0
    batch_norm: BatchNorm = True
    decayed: Decayed = "weights"
    schedule: Schedule = "constant"
    steps: TrainingSteps = 2000
    batch_size: BatchSize = 16
    depth: Depth = 2
    width: Width = 32
    seed: Seed = 0
