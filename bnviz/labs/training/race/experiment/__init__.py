"""The experiment of the topic `race` of the lab `training`."""

from bnviz.labs.training.race.experiment.training import estimated_seconds, run

__all__ = ["estimated_seconds", "run"]
