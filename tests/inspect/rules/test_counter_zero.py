"""Rule `counter_zero`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].momentum = None
    model[1].num_batches_tracked.zero_()
    return severities(seen(model))


def healthy() -> dict[str, str]:
    model = net()
    model[1].momentum = None
    return severities(seen(trained(model)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("counter_zero") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "counter_zero" not in healthy()
