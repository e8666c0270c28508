"""The experiment of the topic `sweep` of the lab `training`."""

from bnviz.labs.training.sweep.experiment.training import estimated_seconds, run

__all__ = ["estimated_seconds", "run"]
