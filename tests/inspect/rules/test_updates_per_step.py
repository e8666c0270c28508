"""Rule `updates_per_step`: its broken model, and one that is healthy."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from bnviz.inspect import watch
from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, each=lambda step, x: model(x), optimizer=optimizer)
    return severities(seen(model, optimizer=optimizer))


def healthy() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer=optimizer)
    return severities(seen(model, optimizer=optimizer))


def test_found_in_the_broken_model() -> None:
    assert broken().get("updates_per_step") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "updates_per_step" not in healthy()


def test_passes_are_those_of_the_part_that_a_training_calls(tmp_path: Path) -> None:
    """As Lightning's modules do: nobody calls the outer module, and a norm that stands twice in the inner one counts twice a pass."""
    norm = nn.BatchNorm1d(8)
    outer = nn.Module()
    outer.inner = net(norm, nn.ReLU(), nn.Linear(8, 8), norm)
    watcher = watch(outer, tmp_path / "run.bnviz", budget=1e9)
    trained(outer.inner, 20)
    report = watcher.close()
    assert report is not None
    assert "updates_per_step" not in severities(report)


def test_a_plain_average_knows_no_steps() -> None:
    """With `momentum=None` every batch weighs the same, however many there are in a step."""
    model = net()
    model[1].momentum = None
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, each=lambda step, x: model(x), optimizer=optimizer)
    assert "updates_per_step" not in severities(seen(model, optimizer=optimizer))
