"""Random streams of a seed: one per purpose, so that no use of chance disturbs another."""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
import torch

Purpose = Literal["init", "split", "order", "dropout", "recalibration", "points", "padding"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)


def stream_seed(seed: int, purpose: Purpose) -> int:
    """The 32-bit seed of the stream (PyTorch's CPU generator keeps no more bits of a seed than that)."""
    return int(np.random.SeedSequence((seed, PURPOSES.index(purpose))).generate_state(1)[0])


def stream(seed: int, purpose: Purpose) -> torch.Generator:
    """A new generator at the start of the stream."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))
