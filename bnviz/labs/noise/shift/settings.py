"""Settings of the topic `shift` of the lab `noise`."""

from __future__ import annotations

from bnviz.labs.noise.shared.parameters import DropoutRate, Order
from bnviz.settings import Depth, LabSettings, Seed, Width


class Settings(LabSettings, offered={"depth": (1, 15), "width": (8, 384)}):
    """What the topic opens with."""

    dropout: DropoutRate = 0.5
    order: Order = "dropout_before_norm"
    depth: Depth = 3
    width: Width = 128
    seed: Seed = 0
