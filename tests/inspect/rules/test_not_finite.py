"""Rule `not_finite`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    x = next(batches(1))[0]
    x[0, 0] = float("nan")
    return severities(seen(trained(net()), x))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("not_finite") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "not_finite" not in healthy()
