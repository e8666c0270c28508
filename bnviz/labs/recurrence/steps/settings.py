"""Settings of the topic `steps` of the lab `recurrence`."""

from __future__ import annotations

from bnviz.labs.recurrence.shared.parameters import (
    AdamRate,
    Cell,
    InitialGamma,
    Padding,
    Sequence,
    Term,
    Variant,
    Warmup,
)
from bnviz.labs.recurrence.shared.settings import RecurrentSettings
from bnviz.settings import BatchSize, Momentum, Seed, Width


class Settings(RecurrentSettings, offered={"width": (8, 128), "warmup": (0, 336)}):
    """What the topic opens with."""

    cell: Cell = "lstm"
    sequence: Sequence = "rows"
    normalizer: Variant = "none"
    term: Term = "hidden"
    gamma: InitialGamma = 1.0
    width: Width = 32
    batch_size: BatchSize = 64
    momentum: Momentum = 0.1
    padding: Padding = 0.4
    warmup: Warmup = 84
    learning_rate: AdamRate = 0.02
    seed: Seed = 0
