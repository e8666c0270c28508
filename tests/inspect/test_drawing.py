"""What the model is given tells whether batches are drawn alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bnviz.inspect import watch
from bnviz.inspect.drawing import MAX_BATCHES, Draws, given
from bnviz.inspect.evidence import Drawn
from bnviz.inspect.recording import read

N = 32


def drawn(batch: Callable[[int, torch.Generator], Tensor | list[Tensor]], count: int = 24) -> Drawn | None:
    """What `count` batches tell, each made by `batch(place, generator)`."""
    draws, generator = Draws(), torch.Generator().manual_seed(0)
    for place in range(count):
        values = batch(place, generator)
        if (taken := given([values] if isinstance(values, Tensor) else values)) is not None:
            draws.add(taken)
    return draws.drawn()


def rhythm(place: int, generator: torch.Generator, kinds: int) -> Tensor:
    """Waves of any phase: mean and power are the same for all kinds."""
    time, phase = torch.arange(48.0), 2 * math.pi * torch.rand(N, 1, 1, generator=generator)
    return torch.sin(0.3 * (1 + place % kinds) * time + phase) + 0.3 * torch.randn(N, 1, 48, generator=generator)


def tokens(place: int, generator: torch.Generator, kinds: int) -> Tensor:
    return (torch.rand(N, 12, generator=generator) ** (1 + place % kinds) * 20).long()


def numbers(place: int, generator: torch.Generator, kinds: int) -> Tensor:
    return torch.randn(N, 6, generator=generator) + (place % kinds)


@pytest.mark.parametrize("make", [rhythm, tokens, numbers])
def test_kinds_of_batches_scatter_by_more_than_their_samples_explain(make: Callable[..., Tensor]) -> None:
    alike, apart = (drawn(lambda place, g, kinds=kinds: make(place, g, kinds)) for kinds in (1, 3))
    assert alike is not None
    assert apart is not None
    assert alike.design_effect < 2 < apart.design_effect


def test_labels_among_the_arguments_tell_too() -> None:
    told = drawn(lambda place, g: [torch.randn(N, 6, generator=g), torch.full((N,), place % 3)])
    assert told is not None
    assert told.design_effect > 2


def test_sentences_padded_to_the_longest_of_their_batch_are_not_compared() -> None:
    assert drawn(lambda place, g: torch.ones(N, 5 + place % 3, dtype=torch.long)) is None


def test_a_shorter_batch_at_the_end_of_an_epoch_is_passed_over() -> None:
    told = drawn(lambda place, g: torch.randn(9 if place % 6 == 5 else N, 6, generator=g))
    assert told is not None
    assert told.n == N
    assert told.batches == 20


def test_too_few_batches_or_samples_tell_nothing() -> None:
    assert drawn(lambda place, g: torch.randn(N, 6, generator=g), count=2) is None
    assert drawn(lambda place, g: torch.randn(2, 6, generator=g)) is None
    assert drawn(lambda place, g: torch.ones(N, 6)) is None


def test_what_is_kept_is_bounded() -> None:
    told = drawn(lambda place, g: torch.randn(N, 3, generator=g), count=4 * MAX_BATCHES)
    assert told is not None
    assert told.batches <= MAX_BATCHES


class TimeFirst(nn.Module):
    """(T, N, C) in, batch norm over (N, C, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(x.permute(1, 2, 0)).mean(2))


@pytest.mark.parametrize("turned", [False, True])
def test_time_that_comes_first_is_not_taken_for_samples(turned: bool, tmp_path: Path) -> None:
    """Each sequence is one value for all times: along time no two batches are alike."""
    model, generator = TimeFirst(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    watcher = watch(model, tmp_path / "run.bnviz", optimizer=optimizer, budget=1e9)
    for _ in range(20):
        x = torch.randn(1, N, 3, generator=generator).expand(N if turned else 20, N, 3)
        model(x).square().mean().backward()
        optimizer.step()
    watcher.close()
    told = read(watcher.path).course.drawn
    assert (told is not None) == turned  # with as many times as samples nobody can tell them apart


def test_numbers_that_overflow_tell_nothing() -> None:
    assert drawn(lambda place, g: torch.randn(N, 3, generator=g) * 1e30) is None
