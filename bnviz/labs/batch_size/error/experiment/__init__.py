"""What the topic `error` of the lab `batch_size` runs."""

from bnviz.labs.batch_size.error.experiment.training import estimated_seconds, run

__all__ = ["estimated_seconds", "run"]
