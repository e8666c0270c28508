"""Rule `weight_decay`: its broken model, and one that is healthy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bnviz.inspect.layers import describe, norm_modules
from bnviz.inspect.setup import setup_of
from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-4)
    return severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer))


def healthy() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "weight_decay": 1e-4}, {"params": model[1].parameters()}], 0.05
    )
    return severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer))


def test_found_in_the_broken_model() -> None:
    assert broken().get("weight_decay") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "weight_decay" not in healthy()


def test_channels_that_decay_has_taken_away_are_told_here() -> None:
    """Where there is no decay, or too little of it, `dead_channels` tells."""
    found = {}
    for decay in (0.0, 1e-6, 1.0):
        model = net()
        model[1].weight.data[:5] = 1e-9
        optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=decay)
        trained(model, 120, optimizer=optimizer)
        model[1].weight.data[:5] = 1e-9
        model[1].weight.data[5:] = 1.0
        found[decay] = severities(seen(model, optimizer=optimizer))
    assert found[0.0].get("dead_channels") == found[1e-6].get("dead_channels") == "warning"
    assert found[1e-6].get("weight_decay") == "note"
    assert found[1.0].get("weight_decay") == "warning"
    assert "dead_channels" not in found[1.0]


@pytest.mark.parametrize(
    ("make", "rate"),
    [
        (lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01), 1e-3),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01), 1e-2),
        (lambda p: torch.optim.AdamW(p, 1e-3, weight_decay=0.1), 1e-4),
        (lambda p: torch.optim.Adam(p, 1e-3, weight_decay=0.1), 1e-3),  # of γ = 1
        (lambda p: torch.optim.NAdam(p, 1e-3, weight_decay=0.1, decoupled_weight_decay=True), 1e-4),
        (lambda p: torch.optim.SGD(p, 0.1), None),
    ],
)
def test_what_decay_can_take_in_a_step(make: object, rate: float | None) -> None:
    model = net()
    optimizer = make(model.parameters())  # type: ignore[operator]
    norms = [describe(name, module) for name, module in norm_modules(model).items()]
    made = setup_of(model, norms, optimizer).decay_rates.get("1")
    assert made == (rate if rate is None else pytest.approx(rate))


def test_the_cure_keeps_the_optimizer_and_its_memory() -> None:
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.1)
    trained(model, 60, optimizer=optimizer)
    (finding,) = seen(model, optimizer=optimizer).findings
    memory = dict(optimizer.state)
    exec(finding.code, {"model": model, "optimizer": optimizer})
    assert severities(seen(model, optimizer=optimizer)) == {}
    assert dict(optimizer.state) == memory
    assert {group["lr"] for group in optimizer.param_groups} == {3e-3}
    trained(model, 5, optimizer=optimizer)


class Streams(nn.Module):
    """Norms that take the sum of branches: no layer in front of them alone."""

    def __init__(self) -> None:
        super().__init__()
        self.inlet, self.outlet = nn.Linear(6, 8), nn.Linear(8, 2)
        self.norms = nn.ModuleList(nn.BatchNorm1d(8) for _ in range(2))
        self.branches = nn.ModuleList(nn.Linear(8, 8) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.inlet(x)
        for norm, branch in zip(self.norms, self.branches, strict=True):
            x = x + branch(torch.relu(norm(x)))
        return self.outlet(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("build", [Streams, lambda: net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())])
def test_a_decay_that_ends_everything_comes_before_what_it_ends(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=2.0)
    report = seen(trained(model, 300, optimizer=optimizer), optimizer=optimizer)
    assert (report.findings[0].rule, report.findings[0].severity) == ("weight_decay", "warning")


def test_a_note_of_it_comes_behind_what_the_model_is_built_with() -> None:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8, track_running_stats=False))
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-4)
    found = list(severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer)))
    assert found.index("no_statistics") < found.index("weight_decay") < found.index("bias_before")


def test_a_norm_of_another_axis_than_the_layer_in_front_is_looked_at_too() -> None:
    """Five positions where the layer in front has eight channels."""

    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.norm, self.out = nn.Linear(6, 8), nn.BatchNorm1d(5), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.norm(self.embed(0.01 * x[:, None].expand(-1, 5, -1))).mean(1))  # type: ignore[no-any-return]

    model = Positions()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-3)
    found = severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer))
    assert {"wrong_axis", "weight_decay"} <= found.keys()
