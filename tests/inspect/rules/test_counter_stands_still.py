"""Rule `counter_stands_still`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import Tensor, nn

from tests.inspect.models import net, watched


class Aside(nn.Module):
    """A norm that has parameters in the optimizer and no part in the pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm = net(), nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_found_in_the_broken_model() -> None:
    assert watched(Aside(), None).get("counter_stands_still") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "counter_stands_still" not in watched(net(), None)
