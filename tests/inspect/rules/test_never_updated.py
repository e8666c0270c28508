"""Rule `never_updated`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].reset_running_stats()
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("never_updated") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "never_updated" not in healthy()
