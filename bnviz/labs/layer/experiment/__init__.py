"""The experiment of the lab `layer`."""

from bnviz.labs.layer.experiment.recording import run

__all__ = ["run"]
