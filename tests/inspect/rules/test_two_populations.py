"""Rule `two_populations`: its broken model, and one that is healthy."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bnviz.inspect import watch
from bnviz.inspect.finding import Finding
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    data = [(x + 3 * (place % 2), y) for place, (x, y) in enumerate(batches(8))]
    return severities(seen(trained(net()), data))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def watched_model(data: Any, rate: float, each: Callable[[nn.Module], None] | None = None) -> Finding | None:
    """The finding about a watched training on `data`; `each` is called with the model after every step."""
    model = net(bias=True)
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", budget=1e9)
        trained(
            model,
            optimizer=torch.optim.SGD(model.parameters(), rate, momentum=0.9),
            data=data,
            each=None if each is None else lambda *_: each(model),
        )
        report = watcher.close()
    assert report is not None
    return next((finding for finding in report.findings if finding.rule == "two_populations"), None)


def moved(model: nn.Module) -> None:
    """As if the weights in front of the norm moved fast."""
    with torch.no_grad():
        model[0].bias.add_(3)


def test_two_kinds_in_turns_are_told_from_fast_weights() -> None:
    in_turns = [(x + 3 * (place % 2), y) for place, (x, y) in enumerate(batches(80))]
    turns, drifting = watched_model(in_turns, 0.01), watched_model(batches(80), 0.01, moved)
    assert turns is not None
    assert turns.severity in {"warning", "error"}
    assert drifting is not None
    assert drifting.severity == "note"
    assert "inputs themselves do not" in drifting.cause.text()


def test_weights_that_are_thrown_to_and_fro_are_no_two_kinds() -> None:
    """As by a learning rate that is too large."""
    turns = iter(range(1000))

    def thrown(model: nn.Module) -> None:
        with torch.no_grad():
            model[0].bias.add_(3 if next(turns) % 2 else -3)

    finding = watched_model(batches(80), 0.01, thrown)
    assert finding is not None
    assert finding.severity == "note"


def of_two_classes(order: Callable[[Tensor], Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Three epochs of 32 batches of 32, in the same order of their samples."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (1024,), generator=generator)
    x = torch.randn(1024, 6, generator=generator) + 2.0 * y[:, None]
    places = order(y)
    return [(x[part], y[part]) for part in places.split(32)] * 3


def test_batches_sorted_by_class_are_named_though_successive_ones_are_alike() -> None:
    by_class = watched_model(of_two_classes(lambda y: y.argsort(stable=True)), 0.01)
    shuffled = watched_model(of_two_classes(lambda y: torch.arange(len(y))), 0.01)
    assert by_class is not None
    assert by_class.severity in {"warning", "error"}
    assert "sorted by class" in by_class.cause.text()
    assert shuffled is None


def test_two_samples_are_no_ground_for_it() -> None:
    """A squared difference over a variance of one degree of freedom has no mean."""
    assert watched_model(batches(80, size=2), 0.01) is None


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


class Shared(nn.Module):
    """One norm for two kinds of inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.head(self.norm(x) + self.norm(x + 9))  # type: ignore[no-any-return]


def test_a_norm_that_is_called_twice_is_told_to_be_made_two() -> None:
    model = trained(Shared(), 40)
    finding = next(finding for finding in seen(model).findings if finding.rule == "two_populations")
    assert "shuffle" not in finding.code
    assert "self.norm[1]" in finding.code
    exec(finding.code, {"torch": torch, "model": model})
    norms = model.norm
    assert isinstance(norms, nn.ModuleList)
    assert [norm.num_features for norm in norms] == [8, 8]
