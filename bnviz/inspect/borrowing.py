"""A model to experiment with that is not the user's: a copy, or where it cannot be copied the model itself with its buffers put aside.

Random-number states are those from before, afterwards.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.nn.parameter import UninitializedBuffer

from bnviz.inspect.layers import bare


class _LocalSyncBatchNorm(SyncBatchNorm):
    """`SyncBatchNorm` that looks at this process alone: the other ranks are not asked, and the CPU will do."""

    forward = _BatchNorm.forward


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Leave the generators of Python, NumPy and PyTorch (every device) as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def borrowed(model: nn.Module) -> Iterator[nn.Module]:
    """A module that computes what `model` does, and may be put into any mode and called at will."""
    original = bare(model)
    # Without a gradient of any kind: a copy of what hangs in a graph would be refused.
    try:
        twin = copy.deepcopy(original, _lazy_buffers(original))
    except Exception:
        twin = None
    if twin is not None and twin is not original:
        _localize(twin)
        yield twin
        return
    with _put_aside(original):
        yield original


def _lazy_buffers(model: nn.Module) -> dict[int, Any]:
    """Stand-ins for uninitialized buffers, which `deepcopy` cannot copy."""
    buffers = (buffer for buffer in model.buffers() if isinstance(buffer, UninitializedBuffer))
    make: Any = UninitializedBuffer
    return {id(buffer): make(device=buffer.device, dtype=buffer.dtype) for buffer in buffers}


def _localize(model: nn.Module) -> None:
    for module in model.modules():
        if type(module) is SyncBatchNorm:
            module.__class__ = _LocalSyncBatchNorm


@contextmanager
def _put_aside(model: nn.Module) -> Iterator[None]:
    """Let `model` work on clones of its buffers and give it the very same tensors and modes back."""
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    modes = [(module, module.training) for module in model.modules()]
    classes = [(module, module.__class__) for module in model.modules()]
    try:
        for module, own in buffers:
            module._buffers.update({name: None if part is None else part.clone() for name, part in own.items()})
        _localize(model)
        yield
    finally:
        for module, own in buffers:
            module._buffers.clear()
            module._buffers.update(own)
        for module, mode in modes:
            module.training = mode
        for module, kind in classes:
            module.__class__ = kind
