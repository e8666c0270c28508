"""Rule `started_recently`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net(), 3)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("started_recently") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "started_recently" not in healthy()
