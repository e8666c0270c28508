"""The experiment of the lab `running_stats`: one real `nn.BatchNorm1d` per momentum, fed with the same batches."""

from bnviz.labs.running_stats.experiment.recording import run

__all__ = ["run"]
