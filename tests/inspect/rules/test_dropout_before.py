"""Rule `dropout_before`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net(nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm1d(8)))))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net(nn.ReLU(), nn.Dropout(0.5)))))


def test_found_in_the_broken_model() -> None:
    assert broken().get("dropout_before") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "dropout_before" not in healthy()
