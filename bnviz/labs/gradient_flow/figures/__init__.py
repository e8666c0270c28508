"""Pictures of the lab `gradient_flow`; each takes its `Result`."""

from bnviz.labs.gradient_flow.figures.gradients import flow
from bnviz.labs.gradient_flow.figures.growth import growth_by_step, layer_growth
from bnviz.labs.gradient_flow.figures.heat import heat
from bnviz.labs.gradient_flow.figures.size import mean_square
from bnviz.labs.gradient_flow.figures.window import activation_window

__all__ = ["activation_window", "flow", "growth_by_step", "heat", "layer_growth", "mean_square"]
