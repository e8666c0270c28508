"""The experiment of the topic `steps` of the lab `recurrence`."""

from bnviz.labs.recurrence.steps.experiment.statistics import run

__all__ = ["run"]
