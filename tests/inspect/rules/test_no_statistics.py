"""Rule `no_statistics`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(net(nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU())))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("no_statistics") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "no_statistics" not in healthy()


@pytest.mark.parametrize(("samples", "severity"), [(1, "warning"), (2, "warning"), (16, "note")])
def test_where_batch_mates_make_up_most_of_an_answer_it_is_a_warning(samples: int, severity: str) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU(), nn.Conv2d(4, 2, 1)
    )
    # Samples of one colour each: all that varies is between them.
    inputs = torch.randn(samples, 3, 1, 1, generator=torch.Generator().manual_seed(0)) + torch.zeros(samples, 3, 8, 8)
    inputs = inputs + 0.01 * torch.randn(inputs.shape, generator=torch.Generator().manual_seed(1))
    assert severities(seen(model.eval(), inputs)).get("no_statistics") == severity
