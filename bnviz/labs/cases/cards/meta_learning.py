"""Every task has statistics of its own; the running ones fit none."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """RMS over new tasks of the mean output for a task's queries: statistics of earlier tasks, and of its support set."""
    levels = 3 * torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    support, query = gaussian_batches(25, 8, 1, 0, 1), gaussian_batches(25, 8, 2, 0, 1)
    earlier = nn.BatchNorm1d(8, momentum=None, affine=False)
    earlier(torch.cat([level + support() for level in levels[:200]]))
    earlier.eval()

    def offset(*, own: bool) -> float:
        means = []
        for level in levels[200:]:
            norm = earlier
            if own:
                norm = nn.BatchNorm1d(8, momentum=None, affine=False)
                norm(level + support())
                norm.eval()
            means.append(norm(level + query()).mean(0))
        return float(torch.stack(means).pow(2).mean().sqrt())

    return Measured(offset(own=False), offset(own=True))


CASE = Case(
    name="meta_learning",
    family="batch",
    symptom=N_("MAML and few-shot learning: train() or eval() for the query set?"),
    words=N_(
        "meta-learning, meta learning, MAML, few-shot, support set, query set, transductive, inductive, episodes, "
        "tasks, omniglot, Reptile, higher, learn2learn, track_running_stats=False, inner loop, meta-test"
    ),
    threads=(github("tristandeleu/pytorch-maml", 19), github("facebookresearch/higher", 107)),
    look=N_(
        "mean output for a new task's queries, root mean square over tasks that lie 3σ apart: statistics of earlier"
        " tasks, and of the task's own support set"
    ),
    cause=N_(
        "Each task has its own level. Running statistics average over tasks and fit none. With train() on the query"
        " set, the queries see each other: the transductive setting, which counts as another benchmark."
    ),
    cure=N_(
        "Statistics of the support set alone, kept per task (reset them, pass the support set, then eval()), or "
        "layer norm. Say which setting was used."
    ),
    reproduce=reproduce,
)
