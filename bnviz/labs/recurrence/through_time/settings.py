"""Settings of the topic `through_time` of the lab `recurrence`."""

from __future__ import annotations

from bnviz.labs.recurrence.shared.parameters import Cell, InitialGamma, Sequence
from bnviz.labs.recurrence.shared.settings import RecurrentSettings
from bnviz.settings import BatchSize, Seed, Seeds, Width


class Settings(RecurrentSettings, offered={"width": (8, 384), "batch_size": (1, 512)}):
    """What the topic opens with."""

    cell: Cell = "rnn"
    sequence: Sequence = "rows"
    gamma: InitialGamma = 1.0
    width: Width = 128
    batch_size: BatchSize = 64
    seeds: Seeds = 6
    seed: Seed = 0
