"""Rule `norm_at_output`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = nn.Sequential(net(), nn.BatchNorm1d(2))
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("norm_at_output") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "norm_at_output" not in healthy()
