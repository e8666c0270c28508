"""The lab `recurrence`: why batch norm is awkward in a recurrent network. One module per topic; `run` goes to the one that is set."""

from __future__ import annotations

from typing import Any

from bnviz.labs.recurrence.error import experiment as recurrence_error
from bnviz.labs.recurrence.steps import experiment as recurrence_steps
from bnviz.labs.recurrence.through_time import experiment as recurrence_through_time
from bnviz.labs.recurrence.error.experiment import ErrorResult
from bnviz.labs.recurrence.shared.settings import VARIANTS, Settings
from bnviz.labs.recurrence.steps.experiment import StepsResult
from bnviz.labs.recurrence.through_time.experiment import ThroughTimeResult

__all__ = ["VARIANTS", "ErrorResult", "Result", "Settings", "StepsResult", "ThroughTimeResult", "run"]

Result = StepsResult | ErrorResult | ThroughTimeResult


def run(settings: Settings, on_update: Any = None) -> Result:
    """The result of the topic that `settings` choose; `on_update` gets partial results of `error`, which trains.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    if settings.topic == "error":
        return recurrence_error.run(settings, on_update)
    if settings.topic == "through_time":
        return recurrence_through_time.run(settings, on_update)
    return recurrence_steps.run(settings, on_update)
