"""Rule `train_eval_gap`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.inspect.models import batches, net, seen, severities, trained


class Hidden(nn.Module):
    """Another function in eval mode than in training."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else torch.flip(x, (1,)) * 3


def broken() -> dict[str, str]:
    # A norm that no rule can see into: its statistics are attributes, not buffers.
    model = trained(net(Hidden(), nn.ReLU()))
    return severities(seen(model, next(batches(1, size=64))[0]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("train_eval_gap") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "train_eval_gap" not in healthy()
