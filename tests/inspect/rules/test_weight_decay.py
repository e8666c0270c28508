"""Rule `weight_decay`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=1e-4)
    return severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer))


def healthy() -> dict[str, str]:
    model = net()
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "weight_decay": 1e-4}, {"params": model[1].parameters()}], 0.05
    )
    return severities(seen(trained(model, optimizer=optimizer), optimizer=optimizer))


def test_found_in_the_broken_model() -> None:
    assert broken().get("weight_decay") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "weight_decay" not in healthy()
