"""Rule `far_from_batches`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("far_from_batches") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "far_from_batches" not in healthy()
