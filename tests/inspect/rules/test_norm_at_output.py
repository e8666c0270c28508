"""Rule `norm_at_output`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch
from torch import nn

from tests.inspect.models import FEATURES, batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = nn.Sequential(net(), nn.BatchNorm1d(2))
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("norm_at_output") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "norm_at_output" not in healthy()


def test_features_beside_labels_are_no_scores() -> None:
    """A projection head of 16 features, seen with a loader that brings the labels of two classes along."""
    model = nn.Sequential(nn.Linear(FEATURES, 16), nn.BatchNorm1d(16, affine=False))
    torch.optim.swa_utils.update_bn(batches(20), model)
    assert severities(seen(model)).get("norm_at_output") == "note"
