"""Functional frameworks return new statistics; who drops them keeps the initial ones."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Running mean over the true mean after 100 functional calls: new statistics dropped, and carried on."""

    def estimate(*, carried: bool) -> float:
        norm, batch = nn.BatchNorm1d(8), gaussian_batches(64, 8)
        parameters, statistics = dict(norm.named_parameters()), dict(norm.named_buffers())
        for _ in range(100):
            new = {name: value.clone() for name, value in statistics.items()}
            functional_call(norm, {**parameters, **new}, (batch(),))  # writes the new statistics into `new`
            statistics = new if carried else statistics
        return float(statistics["running_mean"].mean()) / MEAN

    return Measured(estimate(carried=False), estimate(carried=True))


CASE = Case(
    name="functional_state",
    family="copies",
    symptom=N_('Flax or JAX: collection "batch_stats" is immutable, or the statistics stay at their initial values'),
    words=N_(
        "Flax, JAX, linen, Haiku, Equinox, batch_stats, use_running_average, mutable, mutable collection, "
        "ModifyScopeVariableError, ScopeCollectionNotFound, collection is empty, nn.BatchNorm in flax, "
        "functional_call, make_functional, initialization, state"
    ),
    threads=(github("google/flax", 2279), github("google/evojax", 60)),
    look=N_("running mean over the true mean after 100 functional calls: new statistics dropped, and carried on"),
    cause=N_(
        "A functional model holds no state: batch norm returns new statistics next to its output. Flax refuses to "
        "write them unless the collection is mutable, and forgets them unless they are passed to the next call."
    ),
    cure=N_(
        "Training: y, new = model.apply({'params': params, 'batch_stats': stats}, x, mutable=['batch_stats']), then"
        " stats = new['batch_stats']. Testing: use_running_average=True. NNX keeps the state in the module: nnx.jit "
        "in place of jax.jit, model.train() and model.eval(). Haiku and Equinox return it beside the output, too."
    ),
    reproduce=reproduce,
)
