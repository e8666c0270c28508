"""Splits and batch orders: what each replica is given."""

from __future__ import annotations

import pytest
import torch

from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data, split_data, steps_per_epoch

SEEDS = (0, 7, 12)


@pytest.fixture(scope="module")
def data() -> ReplicaData:
    return digits_data(SEEDS)


def test_the_split_is_a_partition_stratified_by_class(data: ReplicaData) -> None:
    assert data.train.shape == (3, 1347)
    assert data.test.shape == (3, 450)
    share = torch.bincount(data.labels).double() / 4
    for train, test in zip(data.train, data.test, strict=True):
        assert sorted([*train.tolist(), *test.tolist()]) == list(range(1797))
        assert (torch.bincount(data.labels[test]) - share).abs().max() < 1


def test_seeds_split_differently_and_each_as_it_would_alone(data: ReplicaData) -> None:
    assert len({tuple(test.tolist()) for test in data.test}) == len(SEEDS)
    alone = digits_data((7,))
    assert torch.equal(alone.test[0], data.test[1])
    assert torch.equal(alone.train[0], data.train[1])


def test_a_smaller_training_set_is_stratified_and_leaves_the_test_set_alone(data: ReplicaData) -> None:
    small = digits_data(SEEDS, train_size=600)
    assert torch.equal(small.test, data.test)
    for train, whole in zip(small.train, data.train, strict=True):
        assert set(train.tolist()) < set(whole.tolist())
        assert (torch.bincount(data.labels[train]) - torch.bincount(data.labels[whole]) * 600 / 1347).abs().max() < 1


def test_images_and_vectors_are_the_same_digits() -> None:
    flat, images = digits_data((0,)), digits_data((0,), images=True)
    assert images.features.shape == (1797, 1, 8, 8)
    assert torch.equal(flat.features, images.features.flatten(1))
    assert flat.classes == 10


@pytest.mark.parametrize(("total", "train_size"), [(1, None), (8, 7), (8, 0)])
def test_a_split_that_leaves_nothing_is_refused(total: int, train_size: int | None) -> None:
    with pytest.raises(ValueError, match=f"{total} samples cannot be split"):
        split_data(torch.rand(total, 2), torch.zeros(total, dtype=torch.int64), (0,), train_size=train_size)


def test_epochs_draw_without_replacement_and_drop_the_short_last_batch(data: ReplicaData) -> None:
    per_epoch = steps_per_epoch(1347, 64)
    assert per_epoch == 21
    indices = batch_indices(data, 64, 2 * per_epoch)
    assert indices.shape == (42, 3, 64)
    for place in range(3):
        first, second = indices[:21, place].flatten().tolist(), indices[21:, place].flatten().tolist()
        assert len(set(first)) == len(set(second)) == 21 * 64
        assert first != second
        assert set(first) <= set(data.train[place].tolist())


@pytest.mark.parametrize("sampling", ["iid", "one_class"])
def test_orders_are_repeatable_grow_at_the_end_and_ignore_the_other_replicas(data: ReplicaData, sampling: str) -> None:
    indices = batch_indices(data, 16, 100, sampling)  # type: ignore[arg-type]
    assert torch.equal(batch_indices(data, 16, 30, sampling), indices[:30])  # type: ignore[arg-type]
    assert torch.equal(batch_indices(digits_data((7,)), 16, 100, sampling)[:, 0], indices[:, 1])  # type: ignore[arg-type]
    assert not torch.equal(data.labels[indices[:, 0]], data.labels[indices[:, 1]])


def test_one_class_batches_have_one_class_and_every_class_has_its_turn(data: ReplicaData) -> None:
    counts = torch.bincount(data.labels[data.train[0]])
    per_epoch = int((counts // 16).sum())
    indices = batch_indices(data, 16, per_epoch, "one_class")
    for place in range(3):
        labels = data.labels[indices[:, place]]
        assert (labels == labels[:, :1]).all()
        assert torch.equal(torch.bincount(labels[:, 0]), counts // 16)
        assert len(set(indices[:, place].flatten().tolist())) == per_epoch * 16
    # Not sorted by class: an optimizer that sees class after class learns nothing else.
    assert (data.labels[indices[:, 0, 0]].diff() < 0).any()


@pytest.mark.parametrize("sampling", ["iid", "one_class"])
def test_a_batch_larger_than_what_there_is_draws_with_replacement(sampling: str) -> None:
    data = digits_data((0,), train_size=50)
    assert steps_per_epoch(50, 64) == 1
    indices = batch_indices(data, 64, 20, sampling)  # type: ignore[arg-type]
    assert indices.shape == (20, 1, 64)
    assert set(indices.flatten().tolist()) <= set(data.train[0].tolist())


def test_samples_belong_to_their_replica(data: ReplicaData) -> None:
    indices = torch.stack([data.test[place, :5] for place in range(3)])
    features, labels = data.samples(indices)
    assert features.shape == (3, 5, 64)
    for place in range(3):
        assert torch.equal(features[place], data.features[data.test[place, :5]])
        assert torch.equal(labels[place], data.labels[data.test[place, :5]])


def test_what_cannot_be_shared_out_evenly_goes_to_the_largest_remainders() -> None:
    """A quarter of 3, 6 and 7 samples is 0.75, 1.5 and 1.75; four test samples are 1, 1 and 2."""
    labels = torch.tensor([0] * 3 + [1] * 6 + [2] * 7)
    data = split_data(torch.rand(16, 2), labels, (0,))
    assert torch.bincount(labels[data.test[0]]).tolist() == [1, 1, 2]


def test_another_purpose_is_another_order(data: ReplicaData) -> None:
    assert not torch.equal(batch_indices(data, 16, 5), batch_indices(data, 16, 5, purpose="recalibration"))
