"""What is known of a model and its optimizer without running them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from bnviz.errors import shortened
from bnviz.inspect.evidence import Norm, Setup
from bnviz.inspect.layers import bare, norm_modules

# Words in the name of a class that keeps averaged weights; AdaptiveMaxPool2d and GlobalAveragePool do not.
AVERAGES: Final = frozenset({"ema", "swa", "average", "averaged", "averaging", "teacher"})
# They divide by the gradient's size, decay included, unless it is decoupled.
ADAPTIVE: Final = (
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
)
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def setup_of(model: nn.Module, norms: Sequence[Norm], optimizer: Any) -> Setup:
    """The model's mode, wrapper and averages; the optimizer's memory and weight decay."""
    optimizer = optimizer if isinstance(optimizer, torch.optim.Optimizer) else None
    return Setup(
        training=model.training,
        averaged=_averaged(model, norms),
        borrows_buffers=any(isinstance(part, AveragedModel) and not part.use_buffers for part in model.modules()),
        wrapper=type(model).__name__ if isinstance(model, (DataParallel, DistributedDataParallel)) else "",
        replicas=max(len(model.device_ids), 1) if isinstance(model, DataParallel) else 1,
        ranks=int(model.process_group.size()) if isinstance(model, DistributedDataParallel) else 1,
        optimizer=type(optimizer).__name__ if optimizer is not None else "",
        optimizer_steps=_steps(model.parameters(), optimizer),
        steps=_steps_by_norm(model, norms, optimizer),
        decay=_decay(model, optimizer),
        decay_rates=_decay_rates(model, optimizer),
    )


def _averaged(model: nn.Module, norms: Sequence[Norm]) -> str | None:
    """The reason to take `model` for averaged weights: its class, or parameters of which none takes a gradient."""
    for module in model.modules():
        name = type(module).__name__
        words = {word.lower() for word in WORD.findall(name)}
        pools = any(word.startswith("pool") for word in words)
        if isinstance(module, AveragedModel) or (words & AVERAGES and not pools):
            return shortened(name)
    if norms and not any(parameter.requires_grad for parameter in model.parameters()):
        return "requires_grad=False"
    return None


def _steps(parameters: Iterable[nn.Parameter], optimizer: torch.optim.Optimizer | None) -> int | None:
    """Steps that `optimizer` has done with `parameters`, where it counts them (Adam does, SGD does not)."""
    if optimizer is None:
        return None
    counts = []
    for parameter in parameters:
        step: Any = optimizer.state.get(parameter, {}).get("step")
        if isinstance(step, (int, float, Tensor)):
            counts.append(int(step))
    return max(counts, default=None)


def _steps_by_norm(
    model: nn.Module, norms: Sequence[Norm], optimizer: torch.optim.Optimizer | None
) -> Mapping[str, int]:
    modules = dict(bare(model).named_modules())
    found = {}
    for norm in norms:
        own = list(modules[norm.name].parameters(recurse=False))
        steps = _steps(own or model.parameters(), optimizer)
        if steps is not None:
            found[norm.name] = steps
    return found


def _decay(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> Mapping[str, float]:
    if optimizer is None:
        return {}
    decays = {id(p): float(group.get("weight_decay") or 0) for group in optimizer.param_groups for p in group["params"]}
    found = {
        name: max((decays.get(id(parameter), 0.0) for parameter in module.parameters(recurse=False)), default=0.0)
        for name, module in norm_modules(bare(model)).items()
    }
    return {name: value for name, value in found.items() if value > 0}


def _decay_rates(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> Mapping[str, float]:
    if optimizer is None:
        return {}
    adaptive = isinstance(optimizer, ADAPTIVE)
    rates = {id(p): _rate(p, group, adaptive) for group in optimizer.param_groups for p in group["params"]}
    found = {}
    for name, module in bare(model).named_modules():
        own = [rate for p in module.parameters(recurse=False) if (rate := rates.get(id(p), 0.0)) > 0]
        if own:
            found[name] = min(own)  # of an adaptive optimizer that of the largest, which makes up the size
    return found


def _rate(parameter: nn.Parameter, group: Mapping[str, Any], adaptive: bool) -> float:
    """ηλ, with momentum ηλ/(1 − μ); decay that an adaptive optimizer treats as a gradient goes up to η a step, whatever the size."""
    decay = float(group.get("weight_decay") or 0)
    if decay <= 0 or is_lazy(parameter):
        return 0.0
    # Schedules keep what they began with, or their maximum.
    learning = max(float(group.get(name) or 0) for name in ("lr", "initial_lr", "max_lr"))
    if adaptive and not group.get("decoupled_weight_decay"):
        size = float(parameter.detach().float().square().mean().sqrt())
        return learning / size if size > 0 else 0.0
    return learning * decay / max(1 - float(group.get("momentum") or 0), 1e-3)
