"""Rule `invalid_statistics`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_var[2] = -0.1
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("invalid_statistics") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "invalid_statistics" not in healthy()
