"""Pictures of the topic `error` of the lab `batch_size`; each takes a `Result`, partial or whole."""

from bnviz.labs.batch_size.error.figures.curves import cliff, recalibration
from bnviz.labs.batch_size.error.figures.differences import differences
from bnviz.labs.batch_size.shared.figures import fidelity, noise

__all__ = ["cliff", "differences", "fidelity", "noise", "recalibration"]
