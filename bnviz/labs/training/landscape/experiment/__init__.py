"""The experiment of the topic `landscape` of the lab `training`."""

from bnviz.labs.training.landscape.experiment.training import estimated_seconds, run

__all__ = ["estimated_seconds", "run"]
