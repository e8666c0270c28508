"""Rule `foldable`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net(nn.Identity()))))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("foldable") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "foldable" not in healthy()
