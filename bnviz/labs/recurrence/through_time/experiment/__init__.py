"""The experiment of the topic `through_time` of the lab `recurrence`."""

from bnviz.labs.recurrence.through_time.experiment.growth import run

__all__ = ["run"]
