"""Rule `eps_changed`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8, eps=0.5))
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8))
    return severities(seen(trained(model)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("eps_changed") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "eps_changed" not in healthy()
