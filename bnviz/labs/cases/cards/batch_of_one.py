"""One value per channel has no variance."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, refusals
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


def reproduce() -> Measured:
    """Forward passes that PyTorch refuses in an epoch of 33 samples in batches of 8, the last one kept and dropped."""

    def refused(*, drop_last: bool) -> float:
        # What a DataLoader of batch size 8 hands out; the real one draws from the generator that all sessions share.
        batches = [batch for batch in torch.split(gaussian_batches(33, 4)(), 8) if len(batch) == 8 or not drop_last]
        norm = nn.BatchNorm1d(4)
        return refusals(*(lambda batch=batch: norm(batch) for batch in batches))

    return Measured(refused(drop_last=False), refused(drop_last=True))


CASE = Case(
    name="batch_of_one",
    family="errors",
    symptom=N_("ValueError: Expected more than 1 value per channel when training"),
    words=N_(
        "batch of one, batch of 1, batch size 1, batch_size=1, single sample, single batch, one image, last batch, "
        "last incomplete batch, drop last batch, got input size torch.Size([1, 512, 1, 1]), ASPP, global average "
        "pooling, PSP, 1×1 feature map, drop_last, variance nan with one sample"
    ),
    threads=(github("open-mmlab/mmsegmentation", 272), github("yassouali/pytorch-segmentation", 8)),
    links=(
        wrong("builder", layer="linear", in_channels="64", batch_size="1"),
        right("builder", layer="linear", in_channels="64", batch_size="1", normalizer="layer"),
        wrong("layer", batch_size="1"),
        right("layer", batch_size="2"),
    ),
    look=N_(
        "forward passes refused in an epoch of 33 samples in batches of 8: last batch kept, and last batch dropped"
    ),
    cause=N_(
        "A single value per channel is its own mean, and its variance is 0. Often it is the short last batch of an "
        "epoch, or a 1×1 map after global pooling with one image per GPU."
    ),
    cure=N_(
        "drop_last=True in the DataLoader, two or more samples per device, or layer or group norm. For testing, "
        "model.eval()."
    ),
    reproduce=reproduce,
    common=True,
)
