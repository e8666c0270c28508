"""The topic `shift` of the lab `noise`: Dropout in front of batch norm, in fresh networks."""

from __future__ import annotations

from typing import Final

from bnviz.core.replica_data import digits_data
from bnviz.core.replica_networks import build_replicas
from bnviz.labs.noise.shared.shift import Shift
from bnviz.labs.noise.shared.variance_shift import measure_shift, network_plan
from bnviz.labs.noise.shift.pure import measure_pure
from bnviz.labs.noise.shift.result import IMAGES, NETWORKS, PASSES, Result
from bnviz.labs.noise.shift.settings import Settings
from bnviz.study.cost import check_cost

SECONDS: Final = 0.8


def run(settings: Settings) -> Result:
    """Measure the shift in fresh networks, and behind Dropout alone. Raises: CostError where the networks are too large."""
    return Result(settings, measure_fresh(settings), measure_pure(settings.seed))


def measure_fresh(settings: Settings) -> Shift:
    """The shift in fresh networks of three seeds. Raises: CostError."""
    units = settings.width
    check_cost(settings.depth * (7e-3 + 1.8e-4 * units + 1.2e-6 * units**2), SECONDS, ("depth", "width"))
    data = digits_data(tuple(range(settings.seed, settings.seed + NETWORKS)), train_size=IMAGES)
    network = build_replicas(network_plan(settings, settings.order), data.seeds)
    rate = settings.dropout if settings.order == "dropout_before_norm" else 0.0
    return measure_shift(network, data, rate, PASSES)
