"""FedAvg averages parameters; the statistics of the clients are another matter."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches, running_mean, running_var
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """RMS of the global model's eval output on all clients' data: the first client's buffers, and combined ones."""
    clients = [gaussian_batches(64, 8, seed, mean=3 * (seed - 1), std=1) for seed in range(3)]
    norms = [after_batches(nn.BatchNorm1d(8), batch, 100) for batch in clients]
    means = torch.stack([running_mean(norm) for norm in norms])
    within = torch.stack([running_var(norm) for norm in norms]).mean(0)
    server, everybody = norms[0], torch.cat([batch() for batch in clients])

    def size() -> float:
        return float(server(everybody).pow(2).mean().sqrt())

    before = size()
    running_mean(server).copy_(means.mean(0))
    running_var(server).copy_(within + means.var(0, correction=0))
    return Measured(before, size())


CASE = Case(
    name="federated",
    family="copies",
    symptom=N_("Federated learning: the aggregated model with batch norm is poor"),
    words=N_(
        "federated learning, FedAvg, FedBN, clients, server aggregation, aggregate, averaged across clients, global"
        " model, non-iid clients, communication round, synchronize running statistics, local statistics, PFLlib, "
        "Flower"
    ),
    threads=(github("TsingZ0/PFLlib", 260), github("SymbioticLab/FedScale", 57)),
    links=(wrong("devices", shards="shifted"),),
    look=N_(
        "size (root mean square) of the global model's output on all clients' data, in eval mode: one client's "
        "buffers, and combined ones"
    ),
    cause=N_(
        "Averaging over parameters() leaves the running statistics of one client, or the initial ones. Averaging "
        "the variances as well is not enough: the distance between the clients' means is missing."
    ),
    cure=N_(
        "mean = average of the means; variance = average of the variances + variance of the means. Or keep "
        "statistics per client (FedBN), or use group norm."
    ),
    reproduce=reproduce,
)
