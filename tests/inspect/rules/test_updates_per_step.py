"""Rule `updates_per_step`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, each=lambda step, x: model(x), optimizer=optimizer)
    return severities(seen(model, optimizer=optimizer))


def healthy() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    trained(model, optimizer=optimizer)
    return severities(seen(model, optimizer=optimizer))


def test_found_in_the_broken_model() -> None:
    assert broken().get("updates_per_step") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "updates_per_step" not in healthy()
