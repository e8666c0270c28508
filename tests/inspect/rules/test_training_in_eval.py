"""Rule `training_in_eval`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net()).eval()
    model[1].train()
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net()).eval()))


def test_found_in_the_broken_model() -> None:
    assert broken().get("training_in_eval") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "training_in_eval" not in healthy()
