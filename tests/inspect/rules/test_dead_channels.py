"""Rule `dead_channels`: its broken model, and one that is healthy."""

from __future__ import annotations

from pathlib import Path

import torch

from bnviz.inspect import watch
from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    with torch.no_grad():
        model[1].bias[:5] = -9
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("dead_channels") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "dead_channels" not in healthy()


def test_what_dies_behind_the_last_look_is_seen_when_the_watch_is_closed(tmp_path: Path) -> None:
    """The last look, at step 41 of 60, saw all of them alive; one at the beginning would not have judged them."""
    found = []
    for dying in (5, 0):
        model = net()
        with watch(model, tmp_path / f"{dying}.bnviz", budget=1e9) as watcher:
            trained(model, 60)
            with torch.no_grad():
                model[1].weight[:dying] = 0
        report = watcher.report()
        assert report is not None
        found.append(severities(report).get("dead_channels"))
    assert found == ["warning", None]


def test_gamma_that_has_only_begun_to_leave_zero_is_left_to_training(tmp_path: Path) -> None:
    """Residual branches that begin with γ = 0: after one step some have hardly moved."""
    model = net(torch.nn.Tanh())
    torch.nn.init.zeros_(model[1].weight)
    with watch(model, tmp_path / "run.bnviz", budget=1e9) as watcher:
        trained(model, 2, optimizer=torch.optim.SGD(model.parameters(), 1e-3))
    report = watcher.report()
    assert report is not None
    assert (model[1].weight.abs() < 1e-4).any()
    assert "dead_channels" not in severities(report)
