"""Settings of the lab `placement`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, Literal

from bnviz.i18n import N_
from bnviz.settings import (
    Activation,
    BatchSize,
    Depth,
    Epochs,
    LabSettings,
    LearningRate,
    Parameter,
    Seed,
    Seeds,
    Width,
)

Bias = Annotated[
    bool,
    Parameter(
        N_("Bias in hidden layers"),
        N_("Whether the hidden nn.Linear layers have a bias. Directly before batch norm it has no effect."),
    ),
]
Init = Annotated[
    Literal["he", "torch"],
    Parameter(
        N_("Initialization"),
        N_("he: normal weights of variance 2/n, n inputs, biases 0. torch: what nn.Linear does, uniform on ±1/√n."),
        names={"he": N_("he (variance 2/n)"), "torch": N_("torch (default)")},
    ),
]


class Settings(LabSettings):
    """Settings of the lab. The three positions are always compared; replicas take the seeds `seed`, `seed` + 1 and so on."""

    activation: Activation = "relu"
    bias: Bias = True
    init: Init = "he"
    depth: Depth = 3
    width: Width = 100
    batch_size: BatchSize = 64
    learning_rate: LearningRate = 0.1
    epochs: Epochs = 15
    seeds: Seeds = 10
    seed: Seed = 0
