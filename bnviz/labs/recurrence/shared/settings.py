"""What the settings of every topic of the lab `recurrence` have: the cell and what it reads."""

from __future__ import annotations

from bnviz.labs.recurrence.shared.parameters import STEPS, Cell, InitialGamma, Sequence
from bnviz.settings import BatchSize, LabSettings, Seed, Width


class RecurrentSettings(LabSettings):
    """Each topic has its own opening. Replicas take the seeds `seed`, `seed` + 1 and so on."""

    cell: Cell
    sequence: Sequence
    gamma: InitialGamma
    width: Width
    batch_size: BatchSize
    seed: Seed

    @property
    def steps(self) -> int:
        """Time steps of a sequence, T."""
        return STEPS[self.sequence]
