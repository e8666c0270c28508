"""Without synchronization each device has its own mean."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches, running_var
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Running variance over the total variance, 4 devices with shifted shards: device 0 alone, and synchronized."""
    levels = (-3.0, -1.0, 1.0, 3.0)
    shards = [gaussian_batches(32, 8, seed, mean=level, std=1) for seed, level in enumerate(levels)]
    total = 1 + sum(level**2 for level in levels) / len(levels)
    alone = after_batches(nn.BatchNorm1d(8), shards[0], 100)
    # What SyncBatchNorm does: mean and variance over the batches of all devices.
    synchronized = after_batches(nn.BatchNorm1d(8), lambda: torch.cat([shard() for shard in shards]), 100)
    return Measured(float(running_var(alone).mean()) / total, float(running_var(synchronized).mean()) / total)


CASE = Case(
    name="devices",
    family="copies",
    symptom=N_("Several GPUs: each one has its own batch norm statistics"),
    words=N_(
        "multi-GPU, multiple GPUs, across GPUs, per GPU, DDP, DistributedDataParallel, DataParallel, distributed "
        "training, SyncBatchNorm, SyncBN, synchronized batch norm, convert_sync_batchnorm, SyncBatchNorm expected "
        "input tensor to be on GPU, SyncBN on CPU, run demo in CPU, single GPU better than multi-GPU, worse with "
        "several GPUs, broadcast_buffers, rank 0, distribute_bn, world size, Horovod, apex"
    ),
    threads=(
        github("pytorch/pytorch", 110363),
        github("huggingface/pytorch-image-models", 110),
        github("facebookresearch/moco", 41),
    ),
    look=N_(
        "running variance over the total variance, four devices with shifted data: device 0 alone, and synchronized"
    ),
    cause=N_(
        "DataParallel and DDP normalize each device's part of the batch with its own mean and variance; DDP then "
        "broadcasts the buffers of rank 0. The effective batch is the one per device."
    ),
    cure=N_(
        "SyncBatchNorm.convert_sync_batchnorm(model) where the batch per device is small or the data differ; "
        "shuffled data and 16 or more per device do without. Older versions of SyncBatchNorm refuse the CPU: use "
        "BatchNorm for inference."
    ),
    reproduce=reproduce,
    common=True,
    links=(wrong("devices", shards="shifted"), right("devices", shards="iid")),
)
