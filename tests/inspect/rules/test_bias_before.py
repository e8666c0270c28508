"""Rule `bias_before`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net(bias=True))))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("bias_before") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "bias_before" not in healthy()
