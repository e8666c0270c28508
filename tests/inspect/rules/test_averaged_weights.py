"""Rule `averaged_weights`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net()).requires_grad_(False)
    model[1].running_var.mul_(9)
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net()).requires_grad_(False)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("averaged_weights") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "averaged_weights" not in healthy()
