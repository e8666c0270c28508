"""Rule `train_eval_gap`: its broken model, and one that is healthy."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.inspect.batches import read_batches
from bnviz.inspect.borrowing import borrowed
from bnviz.inspect.evidence import Outputs
from bnviz.inspect.finding import Finding
from bnviz.inspect.measuring import gather
from tests.inspect.models import batches, net, seen, severities, trained


class Hidden(nn.Module):
    """Another function in eval mode than in training."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else torch.flip(x, (1,)) * 3


def broken() -> dict[str, str]:
    # A norm that no rule can see into: its statistics are attributes, not buffers.
    model = trained(net(Hidden(), nn.ReLU()))
    return severities(seen(model, next(batches(1, size=64))[0]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("train_eval_gap") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "train_eval_gap" not in healthy()


class Shifted(nn.Module):
    """Adds `by` in eval mode, to the first output alone where `first`."""

    def __init__(self, by: float, first: bool) -> None:
        super().__init__()
        self.by = torch.tensor([by, 0.0 if first else by])

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else x + self.by


def told(by: float, *, first: bool, inputs: Any = None, **options: Any) -> Finding | None:
    """The finding about a model whose outputs shift in eval mode."""
    model = nn.Sequential(*trained(net()), Shifted(by, first))
    report = seen(model, list(batches(8, seed=1)) if inputs is None else inputs, **options)
    return next((finding for finding in report.findings if finding.rule == "train_eval_gap"), None)


def test_it_says_whether_the_decisions_change() -> None:
    deciding, even, healthy = told(9.0, first=True), told(9.0, first=False), told(0.0, first=True)
    assert deciding is not None
    assert deciding.severity == "warning"
    assert deciding.measured > 0.3
    assert "It matters" in deciding.cause.text()
    assert even is not None
    assert even.severity == "note"
    assert "hardly matters" in even.cause.text()
    assert healthy is None


def test_a_network_that_has_hardly_learned_decides_by_trifles() -> None:
    model: Any = nn.Sequential(*trained(net()), Shifted(0.02, True))
    with torch.no_grad():
        model[3].weight.mul_(1e-3)
        model[3].bias.zero_()
    finding = next(f for f in seen(model, list(batches(8, seed=1))).findings if f.rule == "train_eval_gap")
    assert finding.severity == "note"


def test_probabilities_are_taken_for_what_they_are() -> None:
    """Outputs that a softmax made are not put through another."""

    class Softmax(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.softmax(dim=1)

    model = trained(net())
    shifted = nn.Sequential(*model, Shifted(9.0, True))
    told = [outputs(net, next(batches(1, seed=1))[0]).lost for net in (shifted, nn.Sequential(*shifted, Softmax()))]
    assert told[1] == pytest.approx(told[0], rel=0.01)


def test_the_loss_says_it_where_there_is_one() -> None:
    loader = list(batches(8, seed=1))
    finding = told(9.0, first=True, inputs=loader, loss=functional.cross_entropy, recalibrate=loader)
    assert finding is not None
    assert "the loss in eval mode goes from" in finding.cause.text()


def outputs(model: nn.Module, inputs: Any) -> Outputs:
    with borrowed(model) as twin:
        found = gather(model, twin, read_batches(model, inputs)).outputs
    assert found is not None
    return found


def test_the_evaluation_is_of_the_statistics_as_they_are() -> None:
    """Passes in train mode refill a copy's statistics: after eight of them hardly anything was left of the gap."""
    model, loader = trained(net()), list(batches(8, seed=1))
    with torch.no_grad():
        model[1].running_mean.add_(9)
    several = outputs(model, [loader[0]] * 8)
    assert several.train_eval == pytest.approx(outputs(model, loader[0][0]).train_eval)
    assert several.decided == 4 * 32


def test_what_the_experiment_has_not_confirmed_is_no_advice() -> None:
    data = list(batches(8, seed=1))
    untried, tried = (
        told(8.0, first=True, inputs=data, **options)
        for options in ({}, {"loss": functional.cross_entropy, "recalibrate": data})
    )
    assert untried is not None
    assert "recalibrate=loader" in untried.cure.text() + untried.code
    assert tried is not None
    assert tried.cure.text() == "Look at the layers' gaps; the evaluation gains nothing by other statistics."
    assert not tried.code
