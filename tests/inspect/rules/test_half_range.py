"""Rule `half_range`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    data = [(x * 1e6, y) for x, y in batches(80)]
    return severities(seen(trained(net(), data=data), data[:8]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("half_range") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "half_range" not in healthy()
