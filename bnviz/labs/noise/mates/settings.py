"""Settings of the topic `mates` of the lab `noise`."""

from __future__ import annotations

from bnviz.labs.noise.shared.parameters import Draws, SampleValue, Source
from bnviz.settings import BatchSize, LabSettings, Seed


class Settings(LabSettings):
    """What the topic opens with."""

    batch_size: BatchSize = 32
    sample_value: SampleValue = 1.0
    draws: Draws = 4000
    source: Source = "gaussian"
    seed: Seed = 0
