"""The lab `devices` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.devices.settings import Settings

_SCRIPT: Final = '''"""Does each GPU have its own mean? One batch split over devices: each on its own, synchronized, and as a whole.

Written by bnviz, lab devices. One process plays all devices. With several GPUs the same is
torch.nn.SyncBatchNorm.convert_sync_batchnorm(model) inside torch.nn.parallel.DistributedDataParallel.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_grad_enabled(False)
torch.manual_seed({seed})
devices, per_device, steps, channels, channel = {devices}, {per_device}, {steps}, {channels}, {channel}
momentum, eps = {momentum!r}, {eps!r}

# 1797 handwritten digits behind a fixed linear layer; 400 are held out.
digits = load_digits()
labels = torch.tensor(digits.target, dtype=torch.long)
layer = nn.Linear(64, channels)
values = layer(torch.tensor(digits.images / 16, dtype=torch.float32).flatten(1))
order = torch.randperm(len(values))
held_out, pool = values[order[:400]], order[400:]


def batches(samples, size):
    """Epochs of random order without replacement; batches larger than the data draw with replacement."""
    if size > samples:
        return torch.randint(0, samples, (steps, size))
    per_epoch = samples // size
    rows = [torch.randperm(samples)[: per_epoch * size] for _ in range(-(-steps // per_epoch))]
    return torch.cat(rows).view(-1, size)[:steps]


{deal}
offsets = torch.zeros(devices, channels)
{shift}inputs = values[indices] + offsets[:, None]  # (steps, devices, per_device, channels)
everything = (values[pool] + offsets[:, None]).flatten(0, 1)
held_out = (held_out + offsets[:, None]).flatten(0, 1)

# Every device on its own, and one batch norm that sees the whole batch: what SyncBatchNorm computes.
alone = [nn.BatchNorm1d(channels, eps=eps, momentum=momentum) for _ in range(devices)]
whole = nn.BatchNorm1d(channels, eps=eps, momentum=momentum)
for batch in inputs:
    for norm, share in zip(alone, batch):
        norm(share)
    whole(batch.flatten(0, 1))

last = inputs[-1].double()
means, variances = last.mean(dim=1), last.var(dim=1, correction=0)
print(f"within = {{variances.mean(dim=0)[channel]:.8g}}")
print(f"between = {{means.var(dim=0, correction=0)[channel]:.8g}}")
print(f"total = {{last.flatten(0, 1).var(dim=0, correction=0)[channel]:.8g}}")


def normalized(mean, var):
    return nn.functional.batch_norm(held_out, mean, var, eps=eps)


truth = normalized(everything.mean(dim=0), everything.var(dim=0, correction=0))
buffers = {{
    "rank0": (alone[0].running_mean, alone[0].running_var),  # DDP broadcasts these
    "averaged": (
        torch.stack([norm.running_mean for norm in alone]).mean(dim=0),
        torch.stack([norm.running_var for norm in alone]).mean(dim=0),
    ),
    "synchronized": (whole.running_mean, whole.running_var),
}}
for name, (mean, var) in buffers.items():
    print(f"eval_error_{{name}} = {{(normalized(mean, var) - truth).square().mean().sqrt():.8g}}")
'''
_DEAL: Final = "indices = pool[batches(len(pool), devices * per_device)].view(steps, devices, per_device)"
_DEAL_SORTED: Final = """\
by_class = pool[labels[pool].argsort(stable=True)]
parts = by_class.tensor_split(devices)
indices = torch.stack([part[batches(len(part), per_device)] for part in parts], dim=1)"""
_SHIFT: Final = """\
places = torch.arange(devices, dtype=torch.float32)
places = places - places.mean()
offsets = {shift!r} * (places / places.std(correction=0))[:, None] * values[pool].std(dim=0, correction=0)
"""


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the lab's headline, one `name = value` per line."""
    s = settings
    return _SCRIPT.format(
        seed=s.seed,
        devices=s.devices,
        per_device=s.per_device,
        steps=s.steps,
        channels=s.channels,
        channel=s.channel,
        momentum=s.momentum,
        eps=s.eps,
        deal=_DEAL_SORTED if s.shards == "sorted" else _DEAL,
        shift=_SHIFT.format(shift=s.shift) if s.shards == "shifted" and s.devices > 1 else "",
    )
