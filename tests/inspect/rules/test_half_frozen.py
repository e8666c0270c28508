"""Rule `half_frozen`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].requires_grad_(False)
    return severities(seen(model))


def healthy() -> dict[str, str]:
    model = trained(net())
    model[1].eval().requires_grad_(False)
    return severities(seen(model))


def test_found_in_the_broken_model() -> None:
    assert broken().get("half_frozen") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "half_frozen" not in healthy()
