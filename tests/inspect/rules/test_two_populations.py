"""Rule `two_populations`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    data = [(x + 3 * (place % 2), y) for place, (x, y) in enumerate(batches(8))]
    return severities(seen(trained(net()), data))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("two_populations") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "two_populations" not in healthy()
