"""The lab `recurrence`: why batch norm is awkward in a recurrent network. One module per topic; `run` goes to the one that is set."""

from __future__ import annotations

from typing import Any

from bnviz.experiments import recurrence_error, recurrence_steps, recurrence_through_time
from bnviz.experiments.recurrence_error import ErrorResult
from bnviz.experiments.recurrence_settings import VARIANTS, Settings
from bnviz.experiments.recurrence_steps import StepsResult
from bnviz.experiments.recurrence_through_time import ThroughTimeResult

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
