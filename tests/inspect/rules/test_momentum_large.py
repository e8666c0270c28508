"""Rule `momentum_large`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    model[1].momentum = 0.99
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("momentum_large") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "momentum_large" not in healthy()
