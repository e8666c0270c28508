"""Pictures of the lab `running_stats`; each takes its `Result`."""

from bnviz.labs.running_stats.figures.curves import convergence, eval_error, variance
from bnviz.labs.running_stats.figures.histograms import spread
from bnviz.labs.running_stats.figures.speed_and_noise import trade_off

__all__ = ["convergence", "eval_error", "spread", "trade_off", "variance"]
