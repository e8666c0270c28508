"""Rule `one_value`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net()), next(batches(1, size=1))[0]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("one_value") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "one_value" not in healthy()
