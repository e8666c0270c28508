"""No run says nothing for long: the operations between two words of it, priced one by one. No clock is asked."""

from __future__ import annotations

from typing import Any, Final

import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from bnviz import work
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import LiveTopic

LIVE: Final[list[LiveTopic[Any, Any]]] = [topic for topic in TOPICS if isinstance(topic, LiveTopic)]

FLOP_SECONDS: Final = 2.5e-11
VALUE_SECONDS: Final = 5e-10

LONGEST: Final = 0.03
"""Half a second where a layer is sixteen times as dear as here."""

DEAR: Final = {"epochs": 1, "steps": 20, "seeds": 2, "depth": 8, "width": 256, "batch_size": 256}
OTHERWISE: Final[dict[str, dict[str, Any]]] = {
    "batch_size.error": {"batch_sizes": (64, 256)},
    "recurrence.error": {"width": 64},
    "training.race": {"normalizers": ("none", "batch")},
    "training.sweep": {"normalizers": ("none", "batch"), "learning_rates": (0.1, 0.2)},
    "training.landscape": {"normalizers": ("none", "batch"), "width": 128},
    "weight_decay": {"learning_rates": (0.1, 0.2), "weight_decays": (0.001,), "batch_size": 64},
}


class Prices(TorchDispatchMode):
    """What all operations of PyTorch cost, in seconds of one core, since somebody asked last."""

    def __init__(self) -> None:
        super().__init__()
        self.spent = 0.0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        # A view computes nothing, however large it is.
        if not function.is_view:
            self.spent += VALUE_SECONDS * sum(tensor.numel() for tensor in tensors)
        count = flop_registry.get(function.overloadpacket)
        if count is not None:
            self.spent += FLOP_SECONDS * count(*args, **(kwargs or {}), out_val=result)
        return result

    def asked(self) -> float:
        """What was spent since the last time."""
        spent, self.spent = self.spent, 0.0
        return spent


@pytest.mark.parametrize("topic", LIVE, ids=[topic.id for topic in LIVE])
def test_no_silence_is_longer_than_a_layer_takes(topic: LiveTopic[Any, Any]) -> None:
    changes = {name: value for name, value in DEAR.items() if name in topic.settings.names()}
    settings = topic.opening.replace(**(changes | OTHERWISE.get(topic.id, {})))
    silences: list[float] = []
    with Prices() as prices:
        with work.heard_by(lambda _: silences.append(prices.asked())):
            topic.compute(settings, on_update=lambda _: silences.append(prices.asked()))
        silences.append(prices.asked())
    assert max(silences) < LONGEST
    assert sum(silences) > 2 * LONGEST
