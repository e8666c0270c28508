"""What the settings of every topic of the lab `training` have: data, networks and how they are trained."""

from __future__ import annotations

from bnviz.labs.training.shared.parameters import PLANE, Init, Noise, Optimizer, Samples, Source, Variants
from bnviz.settings import Activation, BatchSize, Depth, Epochs, LabSettings, Seed, Seeds, Width


class TrainingSettings(LabSettings):
    """Each topic has its own opening.

    Variants are compared in the order of `normalizers`; replicas take the seeds `seed`, `seed` + 1 and so on.
    """

    source: Source
    samples: Samples
    noise: Noise
    normalizers: Variants
    activation: Activation
    init: Init
    depth: Depth
    width: Width
    optimizer: Optimizer
    batch_size: BatchSize
    epochs: Epochs
    seeds: Seeds
    seed: Seed

    @property
    def replica_seeds(self) -> tuple[int, ...]:
        """The seeds of the replicas."""
        return tuple(range(self.seed, self.seed + self.seeds))


def applies(settings: TrainingSettings, name: str) -> bool:
    """Whether the setting has an effect with the others as they are."""
    return name not in {"samples", "noise"} or settings.source in PLANE
