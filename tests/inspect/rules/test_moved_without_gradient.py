"""Rule `moved_without_gradient`: its broken model, and one that is healthy."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.inspect.models import net, watched


def teacher(model: nn.Module) -> Callable[[int, Tensor], None]:
    """A pass in train mode without a gradient after every step."""

    def each(step: int, x: Tensor) -> None:
        del step
        with torch.no_grad():
            model(x)

    return each


def test_found_in_the_broken_model() -> None:
    model = net()
    assert watched(model, teacher(model)).get("moved_without_gradient") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "moved_without_gradient" not in watched(net(), None)
