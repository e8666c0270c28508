"""Rule `updates_per_step`: its broken model, and one that is healthy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bnviz.inspect import watch
from tests.inspect.models import batches, net, seen, severities, trained


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
    """Of the optimizer's count a note: it would be the same after an earlier training."""
    assert broken().get("updates_per_step") == "note"


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


@pytest.mark.parametrize(("before", "steps"), [(80, 40), (120, 40), (90, 40)])
def test_a_model_that_was_trained_before_its_optimizer_is_asked_about(before: int, steps: int) -> None:
    model = trained(net(), before)
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, steps, optimizer=optimizer)
    report = seen(model, optimizer=optimizer)
    (finding,) = report.findings
    assert (finding.rule, finding.severity) == ("updates_per_step", "note")
    assert finding.cause.text().startswith(f"{before + steps} updates and {steps} steps: either")
    assert "nothing is wrong" in finding.cause.text()


def test_a_new_layer_beside_trained_ones_has_a_count_of_its_own() -> None:
    model = trained(net(), 80)
    model[3] = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, 40, optimizer=optimizer)
    (finding,) = seen(model, optimizer=optimizer).findings[:1]
    assert finding.layers == ("1",)


def test_steps_of_the_head_are_not_those_of_a_frozen_layer() -> None:
    """Its statistics move with every pass, and no step is its own."""
    model = trained(net(), 80)
    model[1].requires_grad_(False)
    optimizer = torch.optim.Adam(model[3].parameters())
    trained(model, 40, optimizer=optimizer)
    assert list(severities(seen(model, optimizer=optimizer))) == ["half_frozen"]


class Checkpointed(nn.Module):
    """The first part is run again by the backward pass, the second is not."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first, self.second = net(), net(nn.ReLU())
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x.detach().requires_grad_()
            made: Tensor = checkpoint(self.first[:3], x, use_reentrant=self.reentrant)
        else:
            made = self.first[:3](x)
        return self.second[3](self.second[2](self.second[1](made)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_is_seen_without_an_optimizer(reentrant: bool) -> None:
    model = trained(Checkpointed(reentrant))
    (finding,) = seen(model).findings
    assert (finding.rule, finding.severity) == ("updates_per_step", "warning")
    assert (finding.layers, finding.measured) == (("first.1",), 2)


def test_a_watch_counts_for_sure(tmp_path: Path) -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    watcher = watch(model, tmp_path / "run.bnviz", optimizer=optimizer, budget=1e9)

    def accumulated(x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(model(x), y) / 3

    for step, (x, y) in enumerate(batches(60)):
        accumulated(x, y).backward()
        if step % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
    report = watcher.close()
    assert report is not None
    assert severities(report).get("updates_per_step") == "warning"
