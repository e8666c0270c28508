"""Rule `two_populations`: its broken model, and one that is healthy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bnviz.inspect import watch
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    data = [(x + 3 * (place % 2), y) for place, (x, y) in enumerate(batches(8))]
    return severities(seen(trained(net()), data))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def watched_model(data: Any, rate: float) -> str | None:
    """The severity of the finding about a watched training on `data`."""
    model = net()
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", budget=1e9)
        trained(model, optimizer=torch.optim.SGD(model.parameters(), rate, momentum=0.9), data=data)
        report = watcher.close()
    assert report is not None
    return severities(report).get("two_populations")


def test_two_kinds_in_turns_are_told_from_fast_weights() -> None:
    in_turns = [(x + 3 * (place % 2), y) for place, (x, y) in enumerate(batches(80))]
    drifting = [(x + 3 * place, y) for place, (x, y) in enumerate(batches(80))]
    assert watched_model(in_turns, 0.01) in {"warning", "error"}
    assert watched_model(drifting, 0.01) == "note"


def test_found_in_the_broken_model() -> None:
    assert broken().get("two_populations") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "two_populations" not in healthy()


class SkipsByTurns(nn.Module):
    """A branch that every second pass leaves out, as stochastic depth does by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.branch, self.last = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.BatchNorm1d(8)
        self.head, self.turn = nn.Linear(8, 2), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, self.turn = self.first(x), self.turn + 1
        return self.head(self.last(x + self.branch(x) + 9 if self.turn % 2 else x))


def test_a_path_that_changes_by_chance_is_meant_so() -> None:
    assert severities(seen(trained(SkipsByTurns(), 40))).get("two_populations") == "note"
