"""Each replica's own split of a data set and its own order of batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bnviz.core.datasets import batches, digits
from bnviz.core.streams import Purpose, stream

Sampling = Literal["iid", "one_class"]


@dataclass(frozen=True, slots=True)
class ReplicaData:
    """A labelled data set as S replicas see it.

    `features` (N, D) or (N, C, H, W), `labels` (N,) int64 from 0; `seeds` (S); `train` (S, n) and `test` (S, M): sample
    indices of each replica's split.
    """

    features: Tensor
    labels: Tensor
    seeds: tuple[int, ...]
    train: Tensor
    test: Tensor

    @property
    def classes(self) -> int:
        """Number of classes: the largest label + 1."""
        return int(self.labels.max()) + 1

    def samples(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Features (S, B, …) and labels (S, B) at `indices` (S, B)."""
        flat = indices.reshape(-1)
        shape = indices.shape
        features = self.features.index_select(0, flat).view(*shape, *self.features.shape[1:])
        return features, self.labels.index_select(0, flat).view(shape)


def split_data(
    features: Tensor,
    labels: Tensor,
    seeds: Sequence[int],
    *,
    test_share: float = 0.25,
    train_size: int | None = None,
) -> ReplicaData:
    """Split stratified by class, each seed its own way: as many of each class everywhere as its share says, to one sample.

    `train_size`: keep only that many training samples, stratified too (None: all that are not test samples).

    Raises: ValueError where there are not as many samples, or none would be left to train or to test on.
    """
    total = len(labels)
    held_out = math.ceil(total * test_share)
    kept = total - held_out if train_size is None else train_size
    if held_out < 1 or not 1 <= kept <= total - held_out:
        raise ValueError(f"{total} samples cannot be split into {kept} for training and {held_out} for testing")
    counts = torch.bincount(labels)
    test_quota = _quota(counts, held_out)
    train_quota = _quota(counts - torch.tensor(test_quota), kept)
    train, test = [], []
    for seed in seeds:
        generator = stream(seed, "split")
        parts = [
            members[torch.randperm(len(members), generator=generator)]
            for members in ((labels == label).nonzero().flatten() for label in range(len(counts)))
        ]
        test.append(torch.cat([part[:m] for part, m in zip(parts, test_quota, strict=True)]))
        train.append(torch.cat([part[m : m + n] for part, m, n in zip(parts, test_quota, train_quota, strict=True)]))
    return ReplicaData(features, labels, tuple(seeds), torch.stack(train), torch.stack(test))


def digits_data(seeds: Sequence[int], *, images: bool = False, train_size: int | None = None) -> ReplicaData:
    """The digits, 1347 to train on and 450 to test on: flat (N, 64), or (N, 1, 8, 8) where `images`."""
    pixels, labels = digits()
    return split_data(pixels if images else pixels.flatten(1), labels, seeds, train_size=train_size)


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Whole batches in `samples`; the short last batch is dropped. 1 where not even one is whole."""
    return max(1, samples // batch_size)


def batch_indices(
    data: ReplicaData, batch_size: int, steps: int, sampling: Sampling = "iid", purpose: Purpose = "order"
) -> Tensor:
    """Sample indices (T, S, B) of T = `steps` batches of each replica's training set, each replica in its own order.

    "iid": `datasets.batches`. "one_class": every batch comes from a single class; per epoch each class is shuffled and cut
    into whole batches (a class with fewer samples gives one batch, drawn with replacement), and all are shuffled.
    A longer run begins with the batches of a shorter one.
    """
    rows = []
    for seed, train in zip(data.seeds, data.train, strict=True):
        generator = stream(seed, purpose)
        if sampling == "iid":
            rows.append(train[batches(len(train), batch_size, steps, generator)])
        else:
            rows.append(_one_class_batches(train, data.labels[train], batch_size, steps, generator))
    return torch.stack(rows, dim=1)


def _one_class_batches(
    train: Tensor, labels: Tensor, batch_size: int, steps: int, generator: torch.Generator
) -> Tensor:
    members = [train[labels == label] for label in torch.bincount(labels).nonzero()]
    rows: list[Tensor] = []
    while sum(map(len, rows)) < steps:
        epoch = torch.cat(
            [
                group[batches(len(group), batch_size, steps_per_epoch(len(group), batch_size), generator)]
                for group in members
            ]
        )
        rows.append(epoch[torch.randperm(len(epoch), generator=generator)])
    return torch.cat(rows)[:steps]


def _quota(counts: Tensor, total: int) -> list[int]:
    """`total` shared out in proportion to `counts`, by largest remainder, so that the sum is exact."""
    exact = counts.double() * total / counts.sum()
    quota = exact.floor().long()
    rest = (exact - quota).argsort(descending=True, stable=True)[: total - int(quota.sum())]
    quota[rest] += 1
    return [int(count) for count in quota]
