"""What the lab `builder` runs."""

from bnviz.labs.builder.experiment.trial import run

__all__ = ["run"]
