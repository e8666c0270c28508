"""The lab `devices`: one batch split over devices, each with an `nn.BatchNorm1d` of its own, synchronized, and as a whole.

Index letters: K devices, T steps, m samples per device, C channels, N samples to draw from, M held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.batch_norm import seeded_layer
from bnviz.core.datasets import batches, digits
from bnviz.labs.devices.result import BUFFERS, Floats, Result
from bnviz.labs.devices.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.theory.shards import between, within

HELD_OUT: Final = 400
VALUES: Final = 4_000_000  # T·K·m·C: a tenth of a second


@dataclass(frozen=True, slots=True)
class _Data:
    """What enters batch norm: `steps` (T, K, m, C), what it is drawn from (N·K or N, C), and held-out samples (·, C)."""

    steps: Tensor
    population: Tensor
    held_out: Tensor


@dataclass(frozen=True, slots=True)
class _Buffers:
    """Running means and variances before the first step and after each: (T+1, K, C) apart, (T+1, C) synchronized."""

    mean: Tensor
    var: Tensor
    sync_mean: Tensor
    sync_var: Tensor


@torch.no_grad()
def run(settings: Settings) -> Result:
    """Train batch norm's statistics on K devices for T steps and look at the last step, and at what evaluation gets.

    Raises: CostError.
    """
    s = settings
    check_cost(s.steps * s.batch * s.channels, VALUES, ("steps", "per_device", "devices", "channels"))
    data = training_data(s)
    buffers, alone, together = _train(s, data.steps)
    last = data.steps[-1]  # (K, m, C)
    whole = nn.BatchNorm1d(s.channels, eps=s.eps, dtype=torch.float64)(last.double().flatten(0, 1))
    values = last.double().numpy()
    device_mean, device_var = values.mean(axis=1), values.var(axis=1)
    truth = data.population.double().numpy()
    step_means = data.steps.double().mean(dim=2).numpy()
    return Result(
        settings=s,
        device_mean=device_mean,
        device_var=device_var,
        within=within(device_var),
        between=between(device_mean),
        total=values.reshape(-1, s.channels).var(axis=0),
        between_by_step=step_means.var(axis=1),
        sync_difference=float((together - whole).abs().max()),
        local_difference=float((alone.flatten(0, 1) - whole).square().mean().sqrt()),
        running_mean=_numbers(buffers.mean),
        running_var=_numbers(buffers.var),
        sync_mean=_numbers(buffers.sync_mean),
        sync_var=_numbers(buffers.sync_var),
        broadcast_mean=_numbers(buffers.mean[-1, 0]),
        broadcast_var=_numbers(buffers.var[-1, 0]),
        eval_error=_eval_errors(s, data, buffers),
        true_mean=truth.mean(axis=0),
        true_var=truth.var(axis=0),
    )


def training_data(settings: Settings) -> _Data:
    """The digits behind a fixed linear layer, dealt out to the devices."""
    s = settings
    generator = torch.Generator().manual_seed(s.seed)
    images, labels = digits()
    layer = seeded_layer("linear", images[0].numel(), s.channels, generator)
    values = layer(images.flatten(1))
    order = torch.randperm(len(values), generator=generator)
    held_out, pool = values[order[:HELD_OUT]], order[HELD_OUT:]
    if s.shards == "sorted":
        by_class = pool[labels[pool].argsort(stable=True)]
        parts = by_class.tensor_split(s.devices)
        indices = torch.stack([part[batches(len(part), s.per_device, s.steps, generator)] for part in parts], dim=1)
    else:
        indices = pool[batches(len(pool), s.batch, s.steps, generator)].view(s.steps, s.devices, s.per_device)
    population = values[pool]
    offsets = torch.zeros(s.devices, s.channels)
    if s.shards == "shifted" and s.devices > 1:
        offsets = s.shift * device_offsets(s.devices)[:, None] * population.std(dim=0, correction=0)
    return _Data(
        values[indices] + offsets[:, None],
        (population + offsets[:, None]).flatten(0, 1),
        (held_out + offsets[:, None]).flatten(0, 1),
    )


def device_offsets(devices: int) -> Tensor:
    """Evenly spaced numbers (K,) with mean 0 and biased standard deviation 1: device 0 stands at the low end."""
    places = torch.arange(devices, dtype=torch.float32)
    places = places - places.mean()
    return places / places.std(correction=0)


def synchronized(means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) of the whole batch from the devices' own, (K, C): what SyncBatchNorm exchanges and makes of it."""
    mean = means.mean(dim=0)
    return mean, (variances + (means - mean).square()).mean(dim=0)


def _train(settings: Settings, steps: Tensor) -> tuple[_Buffers, Tensor, Tensor]:
    """The buffers over all steps, and the last step's outputs, (K, m, C) apart and (K·m, C) synchronized.

    K independent devices are K·C channels of one `nn.BatchNorm1d`.
    """
    s = settings
    T, K, m, C = steps.shape
    norm = nn.BatchNorm1d(K * C, eps=s.eps, momentum=s.momentum, affine=False)
    variances, means = torch.var_mean(steps, dim=2, correction=0)  # (T, K, C)
    unbias = s.batch / (s.batch - 1)
    running_mean, running_var = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_var is not None
    apart_mean, apart_var = [running_mean.clone()], [running_var.clone()]
    sync_mean, sync_var = [torch.zeros(C)], [torch.ones(C)]
    out = steps[0]
    for t in range(T):
        out = norm(steps[t].transpose(0, 1).reshape(m, K * C))
        apart_mean.append(running_mean.clone())
        apart_var.append(running_var.clone())
        mean, var = synchronized(means[t], variances[t])
        sync_mean.append(torch.lerp(sync_mean[-1], mean, s.momentum))
        sync_var.append(torch.lerp(sync_var[-1], var * unbias, s.momentum))
    alone = out.view(m, K, C).transpose(0, 1)
    last = steps[-1].double()
    variance_of, mean_of = torch.var_mean(last, dim=1, correction=0)
    together = functional.batch_norm(last.flatten(0, 1), *synchronized(mean_of, variance_of), eps=s.eps)
    buffers = _Buffers(
        torch.stack(apart_mean).view(T + 1, K, C),
        torch.stack(apart_var).view(T + 1, K, C),
        torch.stack(sync_mean),
        torch.stack(sync_var),
    )
    return buffers, alone, together


def _eval_errors(settings: Settings, data: _Data, buffers: _Buffers) -> dict[str, float]:
    """Root mean square error of eval mode's outputs on the held-out samples, by whose buffers it takes."""
    variance, mean = torch.var_mean(data.population, dim=0, correction=0)

    def normalized(running_mean: Tensor, running_var: Tensor) -> Tensor:
        return functional.batch_norm(data.held_out, running_mean, running_var, eps=settings.eps)

    truth = normalized(mean, variance)
    choices = (
        (buffers.mean[-1, 0], buffers.var[-1, 0]),
        (buffers.mean[-1].mean(dim=0), buffers.var[-1].mean(dim=0)),
        (buffers.sync_mean[-1], buffers.sync_var[-1]),
    )
    return {
        name: float((normalized(*choice) - truth).square().mean().sqrt())
        for name, choice in zip(BUFFERS, choices, strict=True)
    }


def _numbers(values: Tensor) -> Floats:
    return values.double().numpy()
