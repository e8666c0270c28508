"""The experiment of the lab `placement`."""

from bnviz.labs.placement.experiment.training import estimated_seconds, run

__all__ = ["estimated_seconds", "run"]
