"""Rule `batch_too_small`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net()), next(batches(1, size=3))[0]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("batch_too_small") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "batch_too_small" not in healthy()
