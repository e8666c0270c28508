"""Settings of the lab `gradient_flow`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import (
    Activation,
    BatchSize,
    Count,
    Depth,
    Eps,
    Gamma,
    LabSettings,
    LearningRate,
    Normalizer,
    Number,
    Parameter,
    Position,
    Seed,
    Width,
)

Init = Annotated[
    Literal["torch", "scaled"],
    Parameter(
        N_("Initialization"),
        N_("torch: what nn.Linear does, uniform on ±1/√n. scaled: normal weights of variance σ_w²/n, n inputs."),
        names={"torch": N_("torch (default)"), "scaled": N_("scaled")},
    ),
]
WeightGain = Annotated[
    Number,
    Field(ge=0.05, le=5),
    Parameter(
        N_("Weight scale (σ_w)"),
        N_("Hidden weights are drawn from N(0, σ_w²/n). 1.41 suits ReLU (He), 1 suits tanh (Glorot)."),
        "",
        (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.2, 1.41, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0),
    ),
]
BiasStd = Annotated[
    Number,
    Field(ge=0, le=5),
    Parameter(
        N_("Bias spread (σ_b)"),
        N_("Hidden biases are drawn from N(0, σ_b²)."),
        "",
        (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
    ),
]
Source = Annotated[
    Literal["digits", "gaussian", "skewed", "bimodal", "uniform"],
    Parameter(
        N_("Data"),
        N_("digits: real handwritten digits. The others: 64 independent synthetic features with random labels."),
        names={
            "digits": N_("digits"),
            "gaussian": N_("Gaussian"),
            "skewed": N_("skewed"),
            "bimodal": N_("two peaks"),
            "uniform": N_("uniform"),
        },
    ),
]
Steps = Annotated[
    Count,
    Field(ge=0, le=200),
    Parameter(
        N_("Training steps"),
        N_("Steps of plain SGD after the first look; 0 shows the fresh network only."),
        N_("steps"),
        (0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200),
    ),
]


Skip = Annotated[
    bool,
    Parameter(
        N_("Skip connections"),
        N_(
            "What enters an activation is what entered the one before, plus the branch between them: φ, nn.Linear, normalizer. "
            "γ is then that of the branches."
        ),
    ),
]


class Settings(LabSettings, offered={"width": (8, 384), "steps": (0, 100)}):
    """Settings of the lab; `weight_gain`, `bias_std` act with `init` "scaled" only, `gamma`, `eps` on a normalizer."""

    depth: Depth = 10
    width: Width = 128
    activation: Activation = "sigmoid"
    init: Init = "scaled"
    weight_gain: WeightGain = 4.0
    bias_std: BiasStd = 2.0
    normalizer: Normalizer = "batch"
    position: Position = "before"
    skip: Skip = False
    gamma: Gamma = 1.0
    batch_size: BatchSize = 128
    source: Source = "digits"
    steps: Steps = 15
    learning_rate: LearningRate = 0.1
    eps: Eps = 1e-5
    seed: Seed = 0
