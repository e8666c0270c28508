"""Rule `constant_channels`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    with torch.no_grad():
        model[0].weight[:5] = 0
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("constant_channels") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "constant_channels" not in healthy()
