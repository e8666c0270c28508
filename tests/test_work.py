"""Pieces of work, and who hears of them."""

from __future__ import annotations

from threading import Thread

import pytest
import torch

from bnviz import work
from bnviz.core.optimizers import SGD, Adam
from bnviz.core.replica_data import digits_data
from bnviz.core.replica_layers import StackedLinear
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, replica_losses, train

SEEDS = (0, 1)
WIDE = NetworkPlan(64, 10, (512,) * 4)
IMAGES = NetworkPlan((1, 8, 8), 10, (6, 8))


class Told(Exception):  # noqa: N818 - an order
    """To stop."""


def test_it_is_heard_in_this_thread_alone_and_as_long_as_somebody_listens() -> None:
    seen: list[float] = []
    with work.heard_by(seen.append):
        work.done(1.0)
        other = Thread(target=lambda: seen.append(float(work.heard())))
        other.start()
        other.join()
        with work.heard_by(lambda _: None):
            work.done(2.0)
        work.done(3.0)
    work.done(4.0)
    assert seen == [1.0, 0.0, 3.0]
    assert not work.heard()


def passed(network: Replicas, batch: int = 256) -> torch.Tensor:
    inputs = torch.ones(network.count, batch, 64) * torch.arange(batch)[:, None] / batch
    return replica_losses(network(inputs), torch.zeros(network.count, batch, dtype=torch.int64)).sum()


def test_every_wide_layer_is_heard_of_on_the_way_there_and_on_the_way_back() -> None:
    network = build_replicas(WIDE, SEEDS)
    pieces: list[float] = []
    with work.heard_by(pieces.append):
        loss = passed(network)
        there = len(pieces)
        torch.autograd.backward(loss)
    assert there == 5
    assert len(pieces) == 9  # four layers are so wide that they tell of it by themselves
    # Twice as much on the way back as on the way there.
    assert sum(pieces[there:]) == pytest.approx(2 * sum(pieces[: there - 1]))


def test_narrow_layers_tell_of_both_at_once() -> None:
    network = build_replicas(NetworkPlan(64, 10, (8,)), SEEDS)
    pieces: list[float] = []
    with work.heard_by(pieces.append):
        torch.autograd.backward(passed(network, 4))
    assert len(pieces) == 2


def test_convolutions_tell_too() -> None:
    network = build_replicas(IMAGES, SEEDS)
    pieces: list[float] = []
    with work.heard_by(pieces.append):
        network(torch.zeros(2, 4, 1, 8, 8))
    assert len(pieces) == 3


def test_networks_are_heard_of_layer_by_layer_while_they_are_built() -> None:
    pieces: list[float] = []
    with work.heard_by(pieces.append):
        build_replicas(WIDE, SEEDS)
    assert len(pieces) >= 2 * 5


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_what_a_listener_raises_stops_a_step_in_its_middle(name: str) -> None:
    network = build_replicas(WIDE, SEEDS)
    heard = 0

    def stop(_: float) -> None:
        nonlocal heard
        heard += 1
        if heard == (2 if name == "forward" else 7):
            raise Told

    with work.heard_by(stop), pytest.raises(Told):
        torch.autograd.backward(passed(network))
    touched = [parameter.grad is not None for parameter in network.parameters()]
    assert any(touched) == (name == "backward")
    assert not all(touched)


@pytest.mark.parametrize("rates", [(0.1,), (0.1, 0.2)])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_large_parameters_are_moved_one_by_one_to_the_same_place(
    kind: type[SGD | Adam], rates: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    for at_once in (2**22, 1):
        monkeypatch.setattr("bnviz.core.optimizers.AT_ONCE", at_once)
        parameters = [torch.nn.Parameter(torch.arange(6.0).view(2, 3)), torch.nn.Parameter(torch.ones(2, 2))]
        optimizer = kind(parameters, rates)
        pieces: list[float] = []
        for _ in range(3):
            for parameter in parameters:
                parameter.grad = parameter.detach() ** 2 + 1
            with work.heard_by(pieces.append):
                optimizer.step()
        moved.append([parameter.detach().clone() for parameter in parameters])
        assert len(pieces) == 3 * len(rates) * (1 if at_once > 1 else 2)
    for whole, single in zip(*moved, strict=True):
        assert torch.equal(whole, single)


def test_who_listens_changes_no_number() -> None:
    data = digits_data(SEEDS)
    plan = TrainingPlan(3, 128, (0, 3))
    alone = train(build_replicas(WIDE, SEEDS), data, plan)
    with work.heard_by(lambda _: None):
        heard = train(build_replicas(WIDE, SEEDS), data, plan)
    assert (alone.loss == heard.loss).all()
    assert (alone.accuracy == heard.accuracy).all()


def test_large_products_are_made_a_few_replicas_at_a_time_with_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = StackedLinear([torch.nn.Linear(32, 48) for _ in range(5)])
    inputs, given = torch.ones(5, 8, 32) * torch.arange(5)[:, None, None], torch.ones(5, 8, 48)
    seen = []
    for at_once in (2**31, 2 * 8 * 32 * 48):
        monkeypatch.setattr(StackedLinear, "AT_ONCE", at_once)
        layer.zero_grad()
        pieces: list[float] = []
        with work.heard_by(pieces.append):
            outputs = layer(inputs)
        torch.autograd.backward(outputs, given)
        assert outputs.is_contiguous()
        seen.append((len(pieces), outputs, *(parameter.grad for parameter in layer.parameters())))
    (whole, *numbers), (parts, *others) = seen
    assert (whole, parts) == (1, 3)
    assert all(torch.equal(one, other) for one, other in zip(numbers, others, strict=True))
