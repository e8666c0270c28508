"""The experiment of the lab `gradient_flow`: the same network without and with a normalizer, trained side by side."""

from bnviz.labs.gradient_flow.experiment.variants import run

__all__ = ["run"]
