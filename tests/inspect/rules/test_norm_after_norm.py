"""Rule `norm_after_norm`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net(nn.BatchNorm1d(8), nn.ReLU()))))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net(nn.ReLU(), nn.BatchNorm1d(8)))))


def test_found_in_the_broken_model() -> None:
    assert broken().get("norm_after_norm") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "norm_after_norm" not in healthy()
