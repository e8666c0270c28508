"""A module's parameters and buffers as plain arrays, to be kept where a live module may not be."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Arrays = tuple[tuple[str, NDArray[np.generic]], ...]


def arrays_of(module: nn.Module) -> Arrays:
    """The values of `module`, by name; they share its memory."""
    return tuple((name, values.numpy()) for name, values in module.state_dict().items())


def load_arrays(module: nn.Module, arrays: Arrays) -> None:
    """Copy `arrays` into a `module` of the same build. Raises: RuntimeError where it is of another."""
    module.load_state_dict({name: torch.from_numpy(values) for name, values in arrays})
