"""Rule `no_statistics`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(net(nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU())))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("no_statistics") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "no_statistics" not in healthy()
