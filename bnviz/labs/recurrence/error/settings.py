"""Settings of the topic `error` of the lab `recurrence`."""

from __future__ import annotations

from bnviz.labs.recurrence.shared.parameters import AdamRate, Cell, InitialGamma, Sequence
from bnviz.labs.recurrence.shared.settings import RecurrentSettings
from bnviz.settings import BatchSize, Epochs, Momentum, Seed, Seeds, Width


class Settings(RecurrentSettings, offered={"width": (8, 192), "batch_size": (2, 1024)}):
    """What the topic opens with."""

    cell: Cell = "lstm"
    sequence: Sequence = "rows"
    gamma: InitialGamma = 1.0
    width: Width = 32
    batch_size: BatchSize = 64
    momentum: Momentum = 0.1
    epochs: Epochs = 10
    learning_rate: AdamRate = 0.02
    seeds: Seeds = 8
    seed: Seed = 0
