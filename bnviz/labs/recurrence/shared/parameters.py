"""The parameters that only the lab `recurrence` has."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import CellName, Count, Number, Parameter, RecurrentVariantName

VARIANTS: Final[tuple[RecurrentVariantName, ...]] = (
    "none",
    "batch_per_step",
    "batch_shared",
    "batch_input_only",
    "layer",
)
BATCHED: Final[tuple[RecurrentVariantName, ...]] = ("batch_per_step", "batch_shared", "batch_input_only")
PIXELS: Final = 64
CLASSES: Final = 10
TRAINING_IMAGES: Final = 1347
STEPS: Final = {"rows": 8, "pixels": 64}

Cell = Annotated[
    CellName,
    Parameter(
        N_("Cell"),
        N_("What is repeated at every time step: nn.RNN (tanh), nn.LSTM or nn.GRU."),
        names={"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"},
    ),
]
Sequence = Annotated[
    Literal["rows", "pixels"],
    Parameter(
        N_("Sequence"),
        N_("How a digit is read: 8 rows of 8 pixels, from the top, or 64 pixels one after another."),
        names={"rows": N_("8 rows"), "pixels": N_("64 pixels")},
    ),
]
Variant = Annotated[
    RecurrentVariantName,
    Parameter(
        N_("Normalizer in the network"),
        N_("What the network that is looked at was trained with. Its numbers are taken before any normalizer."),
        names={
            "none": N_("none"),
            "batch_per_step": N_("batch norm per step"),
            "batch_shared": N_("batch norm shared"),
            "batch_input_only": N_("batch norm, input only"),
            "layer": N_("layer norm"),
        },
    ),
]
Term = Annotated[
    Literal["input", "hidden"],
    Parameter(
        N_("Term"),
        N_("What is looked at before the gates: W_x x, from the input, or W_h h, from the state before."),
        names={"input": "W_x x", "hidden": "W_h h"},
    ),
]
InitialGamma = Annotated[
    Number,
    Field(ge=-5, le=5),
    Parameter(
        N_("γ at the start"),
        N_("What every γ of the normalizers in the cell starts with. Cooijmans proposes 0.1."),
        "",
        (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0),
    ),
]
Padding = Annotated[
    Number,
    Field(ge=0, le=0.8),
    Parameter(
        N_("Padding"),
        N_(
            "Share of the time steps that are padding: each sequence ends early, each at another step, and zeros fill the rest."
        ),
        "",
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    ),
]
Warmup = Annotated[
    Count,
    Field(ge=0, le=500),
    Parameter(
        N_("Training before the look"),
        N_("Training steps (Adam, batches of 64) of the network before its numbers are looked at. 0: fresh weights."),
        N_("steps"),
        (0, 10, 21, 42, 84, 168, 336, 500),
    ),
]
AdamRate = Annotated[
    Number,
    Field(ge=1e-4, le=10),
    Parameter(
        N_("Learning rate"),
        N_("Of Adam, with PyTorch's other defaults."),
        "",
        (1e-4, 3e-4, 0.001, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1.0),
    ),
]
