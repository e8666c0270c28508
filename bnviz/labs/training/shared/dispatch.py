"""The lab `training`: what batch norm buys a whole network. Each topic has a module and a result type of its own.

`Result` is that of the topic `race`, which is the default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bnviz.labs.training.boundaries import experiment as training_boundaries
from bnviz.labs.training.landscape import experiment as training_landscape
from bnviz.labs.training.race import experiment as training_race
from bnviz.labs.training.sweep import experiment as training_sweep
from bnviz.labs.training.shared.networks import Table
from bnviz.labs.training.race.experiment import Result
from bnviz.labs.training.shared.settings import Settings

__all__ = ["Result", "Settings", "run"]

TOPICS: Final = {
    "race": training_race,
    "sweep": training_sweep,
    "boundaries": training_boundaries,
    "landscape": training_landscape,
}


def run(settings: Settings, on_update: Callable[[Any], None] | None = None, data: Table | None = None) -> Any:
    """Run the topic that `settings` choose; see the `run` of its module, which also says what it returns."""
    return TOPICS[settings.topic].run(settings, on_update, data)
