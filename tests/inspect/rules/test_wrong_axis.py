"""Rule `wrong_axis`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch
from torch import nn

from tests.inspect.models import seen, severities


def broken() -> dict[str, str]:
    return severities(seen(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(5)), torch.randn(32, 5, 6)))


def healthy() -> dict[str, str]:
    return severities(seen(nn.Sequential(nn.Conv1d(5, 8, 1), nn.BatchNorm1d(8)), torch.randn(32, 5, 6)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("wrong_axis") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "wrong_axis" not in healthy()
