"""Which modules normalize, and what they are, as NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

from bnviz.errors import shortened
from bnviz.i18n import N_
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.evidence import Array, Kind, Norm

MAX_TYPES = 8  # that are told where there is no norm


def bare(model: nn.Module) -> nn.Module:
    """The module inside a compiled, parallel or distributed one."""
    while True:
        if isinstance(model, (DataParallel, DistributedDataParallel)):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def kind_of(module: nn.Module) -> Kind | None:
    """What `module` normalizes over; None where it does not. A class of one's own with running statistics is a batch norm."""
    if isinstance(module, _InstanceNorm):
        return "instance"
    if isinstance(module, _BatchNorm):
        return "batch"
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        return "layer"
    if isinstance(module, nn.GroupNorm):
        return "group"
    own = dict(module.named_buffers(recurse=False))
    return "batch" if {"running_mean", "running_var"} <= own.keys() else None


def norm_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Every normalization layer by name, a shared one once. Raises: InspectionError where there is none."""
    found = {name: module for name, module in model.named_modules() if kind_of(module) is not None}
    if not found:
        types = dict.fromkeys(type(module).__name__ for module in model.modules())
        told = [*list(types)[:MAX_TYPES], *["…"] * (len(types) > MAX_TYPES)]
        raise InspectionError(N_("No normalization layer: nothing to look at; found: {types}."), types=tuple(told))
    return found


def array(values: Tensor | None) -> Array | None:
    """A copy of `values` as a row of float64; None where they are not there (yet)."""
    if values is None or is_lazy(values) or values.is_meta:
        return None
    return np.array(values.detach().to(device="cpu", dtype=torch.float64).reshape(-1).numpy())


def describe(name: str, module: nn.Module) -> Norm:
    """The layer as it stands."""
    gamma, beta = getattr(module, "weight", None), getattr(module, "bias", None)
    counter = getattr(module, "num_batches_tracked", None)
    mean, var = array(getattr(module, "running_mean", None)), array(getattr(module, "running_var", None))
    return Norm(
        name=name,
        kind=kind_of(module) or "batch",
        type_name=shortened(type(module).__name__),
        channels=_channels(module, mean),
        eps=_eps(module),
        momentum=_momentum(module),
        training=module.training,
        tracks=bool(getattr(module, "track_running_stats", mean is not None)),
        gamma=array(gamma),
        beta=array(beta),
        trainable=tuple(part.requires_grad for part in (gamma, beta) if isinstance(part, nn.Parameter)),
        running_mean=mean,
        running_var=var,
        updates=int(counter) if isinstance(counter, Tensor) and not is_lazy(counter) and not counter.is_meta else None,
        groups=int(getattr(module, "num_groups", 1)),
        dimensions=len(getattr(module, "normalized_shape", (0,))),
    )


def _channels(module: nn.Module, mean: Array | None) -> int:
    for attribute in ("num_features", "num_channels"):
        if isinstance(size := getattr(module, attribute, None), int):
            return size
    shape: Any = getattr(module, "normalized_shape", None)
    if shape is not None:
        return int(np.prod(tuple(shape)))
    return 0 if mean is None else mean.size


def _eps(module: nn.Module) -> float:
    eps: Any = getattr(module, "eps", None)
    return float(eps) if isinstance(eps, (int, float)) else 0.0


def _momentum(module: nn.Module) -> float | None:
    momentum: Any = getattr(module, "momentum", None)
    return None if momentum is None else float(momentum)
