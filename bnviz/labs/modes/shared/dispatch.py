"""The lab `modes`: why a model answers differently after `model.eval()`. One function per topic, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bnviz.labs.modes.freeze_matrix.experiment import FreezeResult, freeze_matrix
from bnviz.labs.modes.gap.experiment import GapResult, gap
from bnviz.labs.modes.influence.experiment import InfluenceResult, influence
from bnviz.labs.modes.momentum_error.experiment import MomentumErrorResult, momentum_error
from bnviz.labs.modes.poison.experiment import PoisonResult, poison
from bnviz.labs.modes.shared.settings import Settings, TopicName
from bnviz.labs.modes.update_count.experiment import UpdateCountResult, update_count

__all__ = [
    "TOPICS",
    "FreezeResult",
    "GapResult",
    "InfluenceResult",
    "MomentumErrorResult",
    "PoisonResult",
    "Result",
    "Settings",
    "UpdateCountResult",
    "freeze_matrix",
    "gap",
    "influence",
    "momentum_error",
    "poison",
    "run",
    "update_count",
]

Result = GapResult | MomentumErrorResult | FreezeResult | UpdateCountResult | InfluenceResult | PoisonResult

TOPICS: Final[Mapping[TopicName, Callable[[Settings], Result]]] = {
    "gap": gap,
    "momentum_error": momentum_error,
    "freeze_matrix": freeze_matrix,
    "update_count": update_count,
    "influence": influence,
    "poison": poison,
}


def run(settings: Settings, on_update: Callable[[Any], None] | None = None) -> Any:
    """The result (one of `Result`) of the topic that `settings` choose.

    Every topic is done in an instant, so `on_update` is part of the interface of a lab and is left alone.
    Raises: what the topic raises.
    """
    return TOPICS[settings.topic](settings)
