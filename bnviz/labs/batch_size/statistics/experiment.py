"""The topic `statistics` of the lab `batch_size`: two fresh networks, the batch norm layer of one hidden layer each."""

from __future__ import annotations

from bnviz.labs.batch_size.shared.measurement import draw, statistics_of
from bnviz.labs.batch_size.shared.parameters import NetworkName
from bnviz.labs.batch_size.shared.population import population
from bnviz.labs.batch_size.statistics.result import CloseStatistics, Result
from bnviz.labs.batch_size.statistics.settings import Settings


def run(settings: Settings) -> Result:
    """Send batches through the batch norm of the MLP and of the CNN. The settings' bounds bound the work: about a second at most."""
    return Result(settings, measure_closely("mlp", settings), measure_closely("cnn", settings))


def measure_closely(network: NetworkName, settings: Settings) -> CloseStatistics:
    """One network's statistics by batch size, and what becomes of single values at `settings.batch_size`."""
    source = population(network, settings.hidden_layer, settings.sampling, settings.seed)
    sizes = {*settings.batch_sizes, settings.batch_size}
    drawn = {size: draw(source, size, settings.sampling, settings.seed) for size in sizes}
    close = drawn[settings.batch_size]
    return CloseStatistics(
        **statistics_of(network, source, drawn, settings.batch_sizes),
        batch_size=settings.batch_size,
        batch_fidelity=close.fidelity[0],
        batch_fidelity_theory=source.noise(settings.batch_size, close.channels).fidelity,
        truth=close.truth,
        output=close.output,
        refusal=next((one.refusal for one in drawn.values() if one.refusal), ""),
    )
